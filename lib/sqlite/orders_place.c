#include "sqlite/database.h"
#include "sqlite/orders.h"
#include "sqlite/runs.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

enum exit_code orders_prepare_to_place(struct sqlite_orders *store)
{
    const struct database_statement statements[] = {
        {&store->add, "INSERT INTO orders (order_id, placed_at, data) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT DO NOTHING"},
        {&store->add_pending, "INSERT INTO pending (seq, run) SELECT seq, ?3 FROM orders"
                              " WHERE seq BETWEEN ?1 AND ?2"},
        {&store->confirm, "DELETE FROM pending WHERE seq BETWEEN ?1 AND ?2"},
        {&store->other_runs, "SELECT DISTINCT run FROM pending WHERE run <> ?1"},
    };

    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

/* Prepares the others: most runs find nothing to claim. */
static enum exit_code prepare_rest(struct sqlite_orders *store)
{
    const struct database_statement statements[] = {
        {&store->take_over, "UPDATE pending SET run = ?1 WHERE run = ?2"},
        {&store->last_own, "SELECT max(seq) FROM pending WHERE run = ?1"},
        {&store->next_own, ORDERS_COLUMNS
         "WHERE o.seq = (SELECT min(seq) FROM pending WHERE seq > ?1 AND seq <= ?2 AND run = ?3)"},
    };

    if (store->next_own != NULL)
        return EXIT_OK;
    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

/* ---- claiming ---- */

static enum exit_code take_over_all(struct sqlite_orders *store, int64_t *last)
{
    bool found;
    enum exit_code code = runs_take_over(store->runs, store->other_runs, store->take_over);

    if (code != EXIT_OK)
        return code;
    database_bind_int(store->last_own, 1, runs_own(store->runs));
    code = database_row(store->database, store->last_own, &found);
    if (code == EXIT_OK && found)
        *last = sqlite3_column_int64(store->last_own, 0);
    (void)sqlite3_reset(store->last_own);
    return code;
}

enum exit_code orders_claim(struct orders *base, int64_t *last)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    bool some;
    enum exit_code code = runs_left_some(store->runs, store->other_runs, &some);

    *last = 0;
    /* Nearly always there is none, and no lock is taken. */
    if (code != EXIT_OK || !some)
        return code;
    code = prepare_rest(store);
    if (code == EXIT_OK)
        code = database_begin(store->database);
    return code == EXIT_OK ? database_end(store->database, take_over_all(store, last)) : code;
}

/* Reads the trace of a pending order, which is valid until the next call. */
static enum exit_code read_trace(struct sqlite_orders *store, struct stored_order *order)
{
    bool found;
    enum exit_code code =
        orders_prepare(store, &store->trace_of, "SELECT trace FROM pending WHERE seq = ?1");

    if (code != EXIT_OK)
        return code;
    free(store->trace);
    store->trace = NULL;
    database_bind_int(store->trace_of, 1, order->key);
    code = database_row(store->database, store->trace_of, &found);
    if (code == EXIT_OK && found)
        store->trace = database_column_text(store->trace_of, 0);
    (void)sqlite3_reset(store->trace_of);
    order->trace = store->trace;
    return code;
}

enum exit_code orders_each_pending(struct orders *base, int64_t after, int64_t last,
                                   orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    struct stored_order order = {.key = after};
    enum exit_code code = prepare_rest(store);
    bool goes_on = true;
    size_t index = 0;

    while (code == EXIT_OK && goes_on) {
        bool found;

        database_bind_int(store->next_own, 1, order.key);
        database_bind_int(store->next_own, 2, last);
        database_bind_int(store->next_own, 3, runs_own(store->runs));
        code = orders_read(store, store->next_own, &order, &found);
        if (code == EXIT_OK && found)
            code = read_trace(store, &order);
        goes_on = code == EXIT_OK && found && visit(context, index++, &order);
    }
    return code;
}

/* ---- committing ---- */

/* Finds the order that has the id of order already. It may be one of the last added, which are
 * not in pending yet. */
static enum exit_code find_known(struct sqlite_orders *store, const struct stored_order *order,
                                 size_t added, struct stored_order *known)
{
    int64_t last = sqlite3_last_insert_rowid(sqlite3_db_handle(store->add));
    bool found;
    enum exit_code code = orders_find_one(store, order->id, known, &found);

    if (code == EXIT_OK && !found)
        die(EXIT_BUG, "an order that is stored, and is not found");
    if (code == EXIT_OK && added > 0 && known->key > last - (int64_t)added)
        known->status = ORDER_PENDING;
    return code;
}

/* Adds an order and counts it in *added, or finds the one that has its id. */
static enum exit_code add(struct sqlite_orders *store, const struct orders_commit *commit,
                          size_t index, size_t *added)
{
    struct stored_order *order = &commit->added[index];
    struct stored_order known;
    enum exit_code code;

    database_bind_blob(store->add, 1, order->id, UUID_BYTES);
    database_bind_int(store->add, 2, order->placed_at);
    database_bind_text(store->add, 3, order->data, order->data_len);
    code = database_run(store->database, store->add);
    if (code != EXIT_OK)
        return code;
    if (sqlite3_changes(sqlite3_db_handle(store->add)) > 0) {
        order->key = sqlite3_last_insert_rowid(sqlite3_db_handle(store->add));
        order->status = ORDER_PENDING;
        ++*added;
    } else {
        order->key = 0;
        code = find_known(store, order, *added, &known);
        order = &known;
    }
    if (code == EXIT_OK)
        (void)commit->visit(commit->context, index, order);
    return code;
}

/* Keeps the traces of the orders that were added, which have the keys from first to last. */
static enum exit_code keep_traces(struct sqlite_orders *store, const struct orders_commit *commit,
                                  int64_t first, int64_t last)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < commit->added_count && code == EXIT_OK; i++) {
        const struct stored_order *order = &commit->added[i];

        if (order->trace == NULL || order->key < first || order->key > last)
            continue;
        code = orders_prepare(store, &store->set_trace,
                              "UPDATE pending SET trace = ?2 WHERE seq = ?1");
        if (code != EXIT_OK)
            break;
        database_bind_int(store->set_trace, 1, order->key);
        database_bind_text(store->set_trace, 2, order->trace, strlen(order->trace));
        code = database_run(store->database, store->set_trace);
    }
    return code;
}

/* The keys of orders added in one transaction are consecutive. */
static enum exit_code add_all(struct sqlite_orders *store, const struct orders_commit *commit)
{
    size_t added = 0;
    int64_t last;
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < commit->added_count && code == EXIT_OK; i++)
        code = add(store, commit, i, &added);
    if (code != EXIT_OK || added == 0)
        return code;
    last = sqlite3_last_insert_rowid(sqlite3_db_handle(store->add));
    database_bind_int(store->add_pending, 1, last - (int64_t)added + 1);
    database_bind_int(store->add_pending, 2, last);
    database_bind_int(store->add_pending, 3, runs_own(store->runs));
    code = database_run(store->database, store->add_pending);
    return code == EXIT_OK ? keep_traces(store, commit, last - (int64_t)added + 1, last) : code;
}

enum exit_code orders_commit(struct orders *base, const struct orders_commit *commit)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code;

    if (store->never_waits)
        database_never_wait(store->database);
    code = commit->added_count > 0 ? database_begin_ahead(store->database)
                                   : database_begin_relaxed(store->database);
    if (code != EXIT_OK)
        return code;
    code =
        database_run_ranges(store->database, store->confirm, commit->placed, commit->placed_count);
    if (code == EXIT_OK)
        code = add_all(store, commit);
    if (code == EXIT_OK)
        return database_commit_ahead(store->database);
    database_roll_back(store->database);
    return code;
}

enum exit_code orders_await(struct orders *base)
{
    return database_finish_sync(((struct sqlite_orders *)base)->database);
}
