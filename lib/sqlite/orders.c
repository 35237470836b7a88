#include "store/orders.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/runs.h"

#include <stdlib.h>
#include <string.h>

/*
 * Rows of orders are only ever appended, and ids of ours ascend, so that both trees grow at their
 * ends. What is pending is a small table beside them: confirming an order writes no page of the
 * large one.
 */
static const struct database_kind kind = {
    .variable = "ORDER_STORE",
    .file = "orders.db",
    .schema = "CREATE TABLE orders (seq INTEGER PRIMARY KEY, order_id BLOB NOT NULL UNIQUE,"
              " placed_at INTEGER NOT NULL, data TEXT NOT NULL);"
              "CREATE TABLE pending (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL)",
    .application = 0x6F727374, /* "orst" */
    .version = 1,
};

#define COLUMNS                                                                                    \
    "SELECT seq, order_id, placed_at, data, EXISTS (SELECT 1 FROM pending p WHERE p.seq = o.seq) " \
    "FROM "                                                                                        \
    "orders o "

struct orders {
    struct database *database;
    struct runs *runs; /* NULL if it is only looked at */
    char *text;        /* the data of the order last read */
    sqlite3_stmt *add;
    sqlite3_stmt *add_pending;
    sqlite3_stmt *confirm;
    sqlite3_stmt *find;
    sqlite3_stmt *other_runs;
    sqlite3_stmt *adopt;
    sqlite3_stmt *last_own;
    sqlite3_stmt *next;
    sqlite3_stmt *next_placed;
    sqlite3_stmt *next_pending;
    sqlite3_stmt *next_own;
    sqlite3_stmt *count;
    sqlite3_stmt *count_pending;
};

const char *order_status_name(enum order_status status)
{
    return status == ORDER_PENDING ? "PENDING" : "PLACED";
}

/* ---- opening ---- */

static enum exit_code prepare_to_place(struct orders *store)
{
    const struct database_statement statements[] = {
        {&store->add, "INSERT INTO orders (order_id, placed_at, data) VALUES (?1, ?2, ?3)"},
        {&store->add_pending, "INSERT INTO pending (seq, run) VALUES (?1, ?2)"},
        {&store->confirm, "DELETE FROM pending WHERE seq = ?1"},
        {&store->other_runs, "SELECT DISTINCT run FROM pending WHERE run <> ?1"},
    };

    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

static enum exit_code prepare_to_read(struct orders *store)
{
    const struct database_statement statements[] = {
        {&store->next, COLUMNS "WHERE seq > ?1 ORDER BY seq LIMIT 1"},
        {&store->next_placed,
         COLUMNS "WHERE seq > ?1 AND seq NOT IN (SELECT seq FROM pending) ORDER BY seq LIMIT 1"},
        {&store->next_pending, COLUMNS "WHERE seq = (SELECT min(seq) FROM pending WHERE seq > ?1)"},
        {&store->count, "SELECT count(*) FROM orders"},
        {&store->count_pending, "SELECT count(*) FROM pending"},
    };

    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

/* The rest, when first needed: to prepare a statement takes longer than to run it, and most runs
 * place one order. */
static enum exit_code prepare_rest(struct orders *store)
{
    const struct database_statement statements[] = {
        {&store->find, COLUMNS "WHERE order_id = ?1"},
        {&store->adopt, "UPDATE pending SET run = ?1 WHERE run = ?2"},
        {&store->last_own, "SELECT max(seq) FROM pending WHERE run = ?1"},
        {&store->next_own, COLUMNS
         "WHERE seq = (SELECT min(seq) FROM pending WHERE seq > ?1 AND seq <= ?2 AND run = ?3)"},
    };

    if (store->next_own != NULL)
        return EXIT_OK;
    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

enum exit_code orders_open(enum orders_access access, struct orders **out)
{
    struct orders *store = xcalloc(1, sizeof *store);
    bool place = access == ORDERS_PLACE;
    enum exit_code code =
        database_open(&kind, NULL, place ? DATABASE_CREATE : DATABASE_READ, &store->database);

    *out = NULL;
    if (code == EXIT_OK && place)
        code = runs_open(store->database, &store->runs);
    if (code == EXIT_OK)
        code = place ? prepare_to_place(store) : prepare_to_read(store);
    if (code != EXIT_OK)
        orders_close(store);
    else
        *out = store;
    return code;
}

void orders_close(struct orders *store)
{
    if (store == NULL)
        return;
    database_close(store->database);
    runs_close(store->runs);
    free(store->text);
    free(store);
}

enum exit_code orders_begin(struct orders *store)
{
    return database_begin(store->database);
}

enum exit_code orders_begin_relaxed(struct orders *store)
{
    return database_begin_relaxed(store->database);
}

enum exit_code orders_commit(struct orders *store)
{
    return database_commit(store->database);
}

enum exit_code orders_commit_ahead(struct orders *store)
{
    return database_commit_ahead(store->database);
}

enum exit_code orders_finish_sync(struct orders *store)
{
    return database_finish_sync(store->database);
}

void orders_roll_back(struct orders *store)
{
    database_roll_back(store->database);
}

void orders_checkpoint(struct orders *store)
{
    database_checkpoint(store->database);
}

/* ---- writing ---- */

enum exit_code orders_add(struct orders *store, struct stored_order *order)
{
    enum exit_code code;

    database_bind_blob(store->add, 1, order->id, UUID_BYTES);
    database_bind_int(store->add, 2, order->placed_at);
    database_bind_text(store->add, 3, order->data, order->data_len);
    code = database_run(store->database, store->add);
    if (code != EXIT_OK)
        return code;
    order->seq = sqlite3_last_insert_rowid(sqlite3_db_handle(store->add));
    order->status = ORDER_PENDING;
    database_bind_int(store->add_pending, 1, order->seq);
    database_bind_int(store->add_pending, 2, runs_own(store->runs));
    return database_run(store->database, store->add_pending);
}

enum exit_code orders_confirm(struct orders *store, int64_t seq)
{
    database_bind_int(store->confirm, 1, seq);
    return database_run(store->database, store->confirm);
}

static enum exit_code adopt_run(struct orders *store, int64_t run)
{
    database_bind_int(store->adopt, 1, runs_own(store->runs));
    database_bind_int(store->adopt, 2, run);
    return database_run(store->database, store->adopt);
}

/* The first of the other runs with pending orders that has ended. */
static enum exit_code find_ended_run(struct orders *store, int64_t *run, bool *found)
{
    enum exit_code code;
    bool ended = false;

    database_bind_int(store->other_runs, 1, runs_own(store->runs));
    do {
        code = database_row(store->database, store->other_runs, found);
        if (code != EXIT_OK || !*found)
            break;
        *run = sqlite3_column_int64(store->other_runs, 0);
        code = runs_has_ended(store->runs, *run, &ended);
    } while (code == EXIT_OK && !ended);
    (void)sqlite3_reset(store->other_runs);
    return code;
}

static enum exit_code adopt_all(struct orders *store, int64_t *last)
{
    int64_t run = 0;
    bool found;
    enum exit_code code = find_ended_run(store, &run, &found);

    while (code == EXIT_OK && found) {
        code = adopt_run(store, run);
        if (code == EXIT_OK)
            code = find_ended_run(store, &run, &found);
    }
    if (code != EXIT_OK)
        return code;
    database_bind_int(store->last_own, 1, runs_own(store->runs));
    code = database_row(store->database, store->last_own, &found);
    if (code == EXIT_OK && found)
        *last = sqlite3_column_int64(store->last_own, 0);
    (void)sqlite3_reset(store->last_own);
    return code;
}

enum exit_code orders_claim(struct orders *store, int64_t *last)
{
    int64_t run = 0;
    bool found;
    enum exit_code code = find_ended_run(store, &run, &found);

    *last = 0;
    /* Nearly always there is none, and then nothing need be written. */
    if (code != EXIT_OK || !found)
        return code;
    code = prepare_rest(store);
    if (code == EXIT_OK)
        code = orders_begin(store);
    if (code != EXIT_OK)
        return code;
    /* Looked for once more: another run may have been quicker. */
    code = adopt_all(store, last);
    if (code == EXIT_OK)
        return orders_commit(store);
    orders_roll_back(store);
    return code;
}

/* ---- reading ---- */

/* Takes the order out of the row that a statement stands on, if it does. */
static enum exit_code read_order(struct orders *store, sqlite3_stmt *statement,
                                 struct stored_order *order, bool *found)
{
    enum exit_code code = database_row(store->database, statement, found);
    int id_len;

    if (code != EXIT_OK || !*found) {
        (void)sqlite3_reset(statement);
        return code;
    }
    memset(order, 0, sizeof *order);
    order->seq = sqlite3_column_int64(statement, 0);
    id_len = sqlite3_column_bytes(statement, 1);
    if (id_len == UUID_BYTES)
        memcpy(order->id, sqlite3_column_blob(statement, 1), UUID_BYTES);
    order->placed_at = sqlite3_column_int64(statement, 2);
    order->data_len = (size_t)sqlite3_column_bytes(statement, 3);
    store->text = xrealloc(store->text, order->data_len + 1);
    memcpy(store->text, sqlite3_column_blob(statement, 3), order->data_len);
    store->text[order->data_len] = '\0';
    order->data = store->text;
    order->status = sqlite3_column_int(statement, 4) != 0 ? ORDER_PENDING : ORDER_PLACED;
    (void)sqlite3_reset(statement);
    return EXIT_OK;
}

/* What is read from a file that has left its place is no answer. Who places orders learns of it at
 * a commit. */
static enum exit_code check_answer(struct orders *store)
{
    return store->runs == NULL ? database_check_files(store->database) : EXIT_OK;
}

enum exit_code orders_find(struct orders *store, const unsigned char id[UUID_BYTES],
                           struct stored_order *order, bool *found)
{
    enum exit_code code = prepare_rest(store);

    if (code != EXIT_OK)
        return code;
    database_bind_blob(store->find, 1, id, UUID_BYTES);
    code = read_order(store, store->find, order, found);
    return code == EXIT_OK ? check_answer(store) : code;
}

enum exit_code orders_next_own(struct orders *store, int64_t after, int64_t last,
                               struct stored_order *order, bool *found)
{
    enum exit_code code = prepare_rest(store);

    if (code != EXIT_OK)
        return code;
    database_bind_int(store->next_own, 1, after);
    database_bind_int(store->next_own, 2, last);
    database_bind_int(store->next_own, 3, runs_own(store->runs));
    return read_order(store, store->next_own, order, found);
}

enum exit_code orders_next(struct orders *store, int64_t after, const enum order_status *only,
                           struct stored_order *order, bool *found)
{
    sqlite3_stmt *statement = only == NULL             ? store->next
                              : *only == ORDER_PENDING ? store->next_pending
                                                       : store->next_placed;
    enum exit_code code;

    database_bind_int(statement, 1, after);
    code = read_order(store, statement, order, found);
    /* Of many, once: at the end. */
    return code == EXIT_OK && !*found ? check_answer(store) : code;
}

static enum exit_code read_count(struct orders *store, sqlite3_stmt *statement, int64_t *count)
{
    bool found;
    enum exit_code code = database_row(store->database, statement, &found);

    if (code == EXIT_OK)
        *count = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return code;
}

enum exit_code orders_count(struct orders *store, const enum order_status *only, int64_t *count)
{
    int64_t pending = 0;
    enum exit_code code = read_count(store, store->count_pending, &pending);

    *count = pending;
    if (code == EXIT_OK && (only == NULL || *only != ORDER_PENDING)) {
        code = read_count(store, store->count, count);
        if (only != NULL)
            *count -= pending;
    }
    return code == EXIT_OK ? check_answer(store) : code;
}
