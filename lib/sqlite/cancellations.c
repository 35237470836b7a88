#include "store/cancellations.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/open.h"
#include "sqlite/orders.h"
#include "sqlite/runs.h"

#include <stdlib.h>
#include <string.h>

struct sqlite_cancellations {
    struct cancellations cancellations; /* first, so that a pointer to it points to all of this */
    struct database *database;
    struct runs *runs;
    char *reason; /* of the last one read, */
    char *trace;  /* and this; or NULL */
    sqlite3_stmt *add;
    sqlite3_stmt *find;
    sqlite3_stmt *mark;
    sqlite3_stmt *other_runs;
    sqlite3_stmt *take_over;
    sqlite3_stmt *next_own;
};

#define COLUMNS                                                                                \
    "SELECT o.seq, o.order_id, c.cancelled_at, c.reason, c.run, c.seq IS NOT NULL, u.status, " \
    "c.trace"                                                                                  \
    " FROM orders o LEFT JOIN outcomes u USING (seq) "

/* ORDER_FAILED: whatever comes after it is final, too. */
#define FAILED "3"
_Static_assert(ORDER_FAILED == 3, "as in FAILED");

static enum exit_code prepare(struct sqlite_cancellations *store)
{
    const struct database_statement statements[] = {
        {&store->add, "INSERT INTO cancellations (seq, cancelled_at, reason, run, trace)"
                      " SELECT seq, ?2, ?3, ?4, ?5 FROM orders o WHERE order_id = ?1 AND NOT EXISTS"
                      " (SELECT 1 FROM outcomes u WHERE u.seq = o.seq AND status >= " FAILED ")"
                      " ON CONFLICT DO NOTHING"},
        {&store->find, COLUMNS "LEFT JOIN cancellations c USING (seq) WHERE order_id = ?1"},
        {&store->mark, "UPDATE cancellations SET run = NULL WHERE seq = ?1"},
        {&store->other_runs, "SELECT DISTINCT run FROM cancellations"
                             " WHERE run IS NOT NULL AND run <> ?1"},
        {&store->take_over, "UPDATE cancellations SET run = ?1 WHERE run = ?2"},
        {&store->next_own, COLUMNS "JOIN cancellations c USING (seq) WHERE o.seq ="
                                   " (SELECT min(seq) FROM cancellations"
                                   " WHERE run = ?2 AND seq > ?1)"},
    };

    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

/* ---- reading ---- */

static enum cancellation_state read_state(sqlite3_stmt *statement)
{
    switch (sqlite3_column_int(statement, 6)) {
    case ORDER_FAILED:
        return CANCELLATION_FAILED;
    case ORDER_CANCELLED:
        return CANCELLATION_CANCELLED;
    case ORDER_HANDED_OVER:
        return CANCELLATION_HANDED_OVER;
    default:
        return sqlite3_column_type(statement, 4) == SQLITE_NULL ? CANCELLATION_SENT
                                                                : CANCELLATION_PENDING;
    }
}

/* Runs a statement of COLUMNS to its first row, if there is one. What it reads is valid until the
 * next call. */
static enum exit_code read_row(struct sqlite_cancellations *store, sqlite3_stmt *statement,
                               struct cancellation *cancellation, bool *found)
{
    enum exit_code code = database_row(store->database, statement, found);

    if (code == EXIT_OK && *found) {
        cancellation->key = sqlite3_column_int64(statement, 0);
        if (sqlite3_column_bytes(statement, 1) == UUID_BYTES)
            memcpy(cancellation->id, sqlite3_column_blob(statement, 1), UUID_BYTES);
        cancellation->cancelled_at = sqlite3_column_int64(statement, 2);
        free(store->reason);
        store->reason = xmemdup_text(sqlite3_column_blob(statement, 3),
                                     (size_t)sqlite3_column_bytes(statement, 3));
        cancellation->reason = store->reason;
        free(store->trace);
        store->trace = database_column_text(statement, 7);
        cancellation->trace = store->trace;
        cancellation->is_repeated = sqlite3_column_int(statement, 5) != 0;
        cancellation->state = read_state(statement);
    }
    (void)sqlite3_reset(statement);
    return code;
}

/* ---- storing ---- */

static enum exit_code add_one(struct sqlite_cancellations *store, const struct cancellation *given,
                              struct cancellation *stored)
{
    enum exit_code code;
    bool is_new;
    bool found;

    database_bind_blob(store->add, 1, given->id, UUID_BYTES);
    database_bind_int(store->add, 2, given->cancelled_at);
    database_bind_text(store->add, 3, given->reason, strlen(given->reason));
    database_bind_int(store->add, 4, runs_own(store->runs));
    database_bind_text(store->add, 5, given->trace,
                       given->trace == NULL ? 0 : strlen(given->trace));
    code = database_run(store->database, store->add);
    if (code != EXIT_OK)
        return code;
    is_new = sqlite3_changes(sqlite3_db_handle(store->add)) > 0;
    *stored = *given;
    stored->state = CANCELLATION_UNKNOWN;
    database_bind_blob(store->find, 1, given->id, UUID_BYTES);
    code = read_row(store, store->find, stored, &found);
    if (is_new)
        stored->is_repeated = false;
    return code;
}

static enum exit_code add(struct cancellations *base, const struct cancellation *all, size_t count,
                          cancellations_visit *visit, void *context)
{
    struct sqlite_cancellations *store = (struct sqlite_cancellations *)base;
    struct cancellation stored;
    enum exit_code code = database_begin(store->database);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        code = add_one(store, &all[i], &stored);
        if (code == EXIT_OK)
            (void)visit(context, i, &stored);
    }
    return database_end(store->database, code);
}

static enum exit_code mark_sent(struct cancellations *base, const int64_t *keys, size_t count)
{
    struct sqlite_cancellations *store = (struct sqlite_cancellations *)base;
    enum exit_code code = database_begin_relaxed(store->database);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        database_bind_int(store->mark, 1, keys[i]);
        code = database_run(store->database, store->mark);
    }
    return database_end(store->database, code);
}

/* ---- claiming ---- */

static enum exit_code take_over_all(struct sqlite_cancellations *store)
{
    return runs_take_over(store->runs, store->other_runs, store->take_over);
}

static enum exit_code claim(struct cancellations *base)
{
    struct sqlite_cancellations *store = (struct sqlite_cancellations *)base;
    bool some;
    enum exit_code code = runs_left_some(store->runs, store->other_runs, &some);

    /* Nearly always there is none, and no lock is taken. */
    if (code != EXIT_OK || !some)
        return code;
    code = database_begin(store->database);
    return code == EXIT_OK ? database_end(store->database, take_over_all(store)) : code;
}

static enum exit_code each_pending(struct cancellations *base, int64_t after,
                                   cancellations_visit *visit, void *context)
{
    struct sqlite_cancellations *store = (struct sqlite_cancellations *)base;
    struct cancellation cancellation = {.key = after};
    enum exit_code code = EXIT_OK;
    bool goes_on = true;

    for (size_t index = 0; code == EXIT_OK && goes_on; index++) {
        bool found;

        database_bind_int(store->next_own, 1, cancellation.key);
        database_bind_int(store->next_own, 2, runs_own(store->runs));
        code = read_row(store, store->next_own, &cancellation, &found);
        goes_on = code == EXIT_OK && found && visit(context, index, &cancellation);
    }
    return code;
}

/* ---- the whole ---- */

/* SQLite knows what it has done. */
static bool is_in_doubt(const struct cancellations *base)
{
    (void)base;
    return false;
}

static void idle(struct cancellations *base)
{
    database_checkpoint(((struct sqlite_cancellations *)base)->database);
}

static void close_cancellations(struct cancellations *base)
{
    struct sqlite_cancellations *store = (struct sqlite_cancellations *)base;

    database_close(store->database);
    runs_close(store->runs);
    free(store->reason);
    free(store->trace);
    free(store);
}

static const struct cancellations_operations operations = {.add = add,
                                                           .mark_sent = mark_sent,
                                                           .claim = claim,
                                                           .each_pending = each_pending,
                                                           .is_in_doubt = is_in_doubt,
                                                           .idle = idle,
                                                           .close = close_cancellations};

/* Without a store there is nothing to cancel, and none is made. */
static enum exit_code look_for_store(const char *path)
{
    struct database *database;
    enum exit_code code = database_open(&orders_kind, path, DATABASE_READ, &database);

    database_close(database);
    return code;
}

enum exit_code sqlite_cancellations_open(const char *path, struct cancellations **out)
{
    struct sqlite_cancellations *store;
    enum exit_code code = look_for_store(path);

    *out = NULL;
    if (code != EXIT_OK)
        return code;
    store = xcalloc(1, sizeof *store);
    store->cancellations.operations = &operations;
    code = database_open(&orders_kind, path, DATABASE_CREATE, &store->database);
    if (code == EXIT_OK)
        code = runs_open(store->database, &store->runs);
    if (code == EXIT_OK)
        code = prepare(store);
    if (code != EXIT_OK)
        close_cancellations(&store->cancellations);
    else
        *out = &store->cancellations;
    return code;
}
