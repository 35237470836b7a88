#include "sqlite/orders.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/open.h"
#include "sqlite/runs.h"

#include <stdlib.h>

/* The columns are those of lib/postgres/orders_2.sql; status is an enum order_status. */
#define OUTCOMES_TABLE                                                            \
    "CREATE TABLE outcomes (seq INTEGER PRIMARY KEY, status INTEGER NOT NULL,"    \
    " reason TEXT, reserved_at INTEGER, failed_at INTEGER, cancelled_at INTEGER," \
    " handed_over_at INTEGER);"                                                   \
    "CREATE INDEX outcomes_status ON outcomes (status);"

/* seq is that of the order; run is NULL once the broker has confirmed the cancellation. */
#define CANCELLATIONS_TABLE                                                               \
    "CREATE TABLE cancellations (seq INTEGER PRIMARY KEY, cancelled_at INTEGER NOT NULL," \
    " reason TEXT NOT NULL, run INTEGER);"                                                \
    "CREATE INDEX cancellations_pending ON cancellations (run, seq) WHERE run IS NOT NULL;"

static const char *const upgrades[] = {OUTCOMES_TABLE CANCELLATIONS_TABLE};

/* Rows of orders are only appended, and minted ids ascend, so that both trees grow at their ends.
 * Pending orders are listed in a small table: confirming one writes no page of the large tables. */
const struct database_kind orders_kind = {
    .variable = "ORDER_STORE",
    .file = "orders.db",
    .schema = "CREATE TABLE orders (seq INTEGER PRIMARY KEY, order_id BLOB NOT NULL UNIQUE,"
              " placed_at INTEGER NOT NULL, data TEXT NOT NULL);"
              "CREATE TABLE pending (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL);" OUTCOMES_TABLE
                  CANCELLATIONS_TABLE,
    .upgrades = upgrades,
    .application = 0x6F727374, /* "orst" */
    .version = 2,
};

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
                                                    .may_pass = may_pass,
                                                    .is_in_doubt = is_in_doubt,
                                                    .is_locked = is_locked,
                                                    .idle = idle,
                                                    .close = close_orders};

enum exit_code sqlite_orders_open(const char *path, enum orders_access access,
                                  const struct store_patience *patience, struct orders **out)
{
    struct sqlite_orders *store = xcalloc(1, sizeof *store);
    bool place = access == ORDERS_PLACE;
    enum exit_code code = database_open(&orders_kind, path, place ? DATABASE_CREATE : DATABASE_READ,
                                        &store->database);

    *out = NULL;
    store->orders.operations = &operations;
    store->never_waits = patience != NULL && patience->never_waits;
    if (code == EXIT_OK && place)
        code = runs_open(store->database, &store->runs);
    if (code == EXIT_OK)
        code = place ? orders_prepare_to_place(store) : orders_prepare_to_show(store);
    if (code != EXIT_OK)
        close_orders(&store->orders);
    else
        *out = &store->orders;
    return code;
}
