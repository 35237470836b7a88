#include "sqlite/orders.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/open.h"
#include "sqlite/runs.h"

#include <stdlib.h>

/* As in lib/postgres/orders_2.sql; status is an enum order_status. */
#define OUTCOMES_TABLE                                                            \
    "CREATE TABLE outcomes (seq INTEGER PRIMARY KEY, status INTEGER NOT NULL,"    \
    " reason TEXT, reserved_at INTEGER, failed_at INTEGER, cancelled_at INTEGER," \
    " handed_over_at INTEGER);"                                                   \
    "CREATE INDEX outcomes_status ON outcomes (status);"

#define LISTED_TABLE                                                            \
    "CREATE TABLE listed (seq INTEGER PRIMARY KEY, placed_at INTEGER NOT NULL," \
    " user_id TEXT NOT NULL, restaurant_id TEXT NOT NULL);"                     \
    "CREATE INDEX listed_placed_at ON listed (placed_at);"                      \
    "CREATE INDEX listed_user_id ON listed (user_id);"                          \
    "CREATE INDEX listed_restaurant_id ON listed (restaurant_id);"

/* The listed orders that wait for an outcome. */
#define AWAITED_TABLE "CREATE TABLE awaited (seq INTEGER PRIMARY KEY);"

/* seq is that of the order; run is NULL once the broker has confirmed the cancellation. */
#define CANCELLATIONS_TABLE                                                               \
    "CREATE TABLE cancellations (seq INTEGER PRIMARY KEY, cancelled_at INTEGER NOT NULL," \
    " reason TEXT NOT NULL, run INTEGER);"                                                \
    "CREATE INDEX cancellations_pending ON cancellations (run, seq) WHERE run IS NOT NULL;"

#define VERSION_2 OUTCOMES_TABLE LISTED_TABLE AWAITED_TABLE CANCELLATIONS_TABLE

/* The contexts that events carry, of orders and cancellations: trace/context.h. */
#define VERSION_3                                \
    "ALTER TABLE pending ADD COLUMN trace TEXT;" \
    "ALTER TABLE cancellations ADD COLUMN trace TEXT;"

static const char *const upgrades[] = {VERSION_2, VERSION_3};

/* Rows of orders are only appended, and minted ids ascend, so that both trees grow at their ends.
 * Pending orders are listed in a small table: confirming one writes no page of the large tables. */
const struct database_kind orders_kind = {
    .variable = "ORDER_STORE",
    .file = "orders.db",
    .schema =
        "CREATE TABLE orders (seq INTEGER PRIMARY KEY, order_id BLOB NOT NULL UNIQUE,"
        " placed_at INTEGER NOT NULL, data TEXT NOT NULL);"
        "CREATE TABLE pending (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL);" VERSION_2 VERSION_3,
    .upgrades = upgrades,
    .application = 0x6F727374, /* "orst" */
    .version = 3,
};

enum exit_code orders_prepare(struct sqlite_orders *store, sqlite3_stmt **statement,
                              const char *sql)
{
    const struct database_statement one = {statement, sql};

    return *statement != NULL ? EXIT_OK : database_prepare(store->database, &one, 1);
}

enum exit_code orders_check_answer(struct sqlite_orders *store)
{
    return store->runs == NULL ? database_check_files(store->database) : EXIT_OK;
}

static bool measure(struct orders *base, int64_t *bytes)
{
    return database_measure(((struct sqlite_orders *)base)->database, bytes);
}

static void idle(struct orders *base)
{
    database_checkpoint(((struct sqlite_orders *)base)->database);
}

static void close_orders(struct orders *base)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;

    database_close(store->database);
    runs_close(store->runs);
    free(store->text);
    free(store->trace);
    free(store);
}

/* Nobody else writes for long, and what else can fail with a file stays. */
static bool may_pass(const struct orders *base)
{
    (void)base;
    return false;
}

/* SQLite knows what it has done. */
static bool is_in_doubt(const struct orders *base)
{
    (void)base;
    return false;
}

static bool is_locked(const struct orders *base)
{
    return database_was_locked(((const struct sqlite_orders *)base)->database);
}

static const struct orders_operations operations = {.commit = orders_commit,
                                                    .await = orders_await,
                                                    .find = orders_find,
                                                    .claim = orders_claim,
                                                    .each_pending = orders_each_pending,
                                                    .each = orders_each,
                                                    .count = orders_count,
                                                    .record = orders_record,
                                                    .listed = orders_listed,
                                                    .settled = orders_settled,
                                                    .list = orders_list,
                                                    .find_listed = orders_find_listed,
                                                    .fetch = orders_fetch,
                                                    .may_pass = may_pass,
                                                    .is_in_doubt = is_in_doubt,
                                                    .is_locked = is_locked,
                                                    .measure = measure,
                                                    .idle = idle,
                                                    .close = close_orders};

enum exit_code sqlite_orders_open(const char *path, enum orders_access access,
                                  const struct store_patience *patience, struct orders **out)
{
    struct sqlite_orders *store = xcalloc(1, sizeof *store);
    bool place = access == ORDERS_PLACE;
    enum exit_code code =
        database_open(&orders_kind, path, access == ORDERS_LOOK ? DATABASE_READ : DATABASE_CREATE,
                      &store->database);

    *out = NULL;
    store->orders.operations = &operations;
    store->never_waits = patience != NULL && patience->never_waits;
    if (code == EXIT_OK && place)
        code = runs_open(store->database, &store->runs);
    if (code == EXIT_OK && place)
        code = orders_prepare_to_place(store);
    if (code != EXIT_OK)
        close_orders(&store->orders);
    else
        *out = &store->orders;
    return code;
}
