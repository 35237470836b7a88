#include "store/orders.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/open.h"
#include "sqlite/orders.h"
#include "sqlite/runs.h"

#include <stdlib.h>
#include <string.h>

/* Rows of orders are only appended, and minted ids ascend, so that both trees grow at their ends.
 * Pending orders are listed in a small table: confirming one writes no page of the large tables. */
const struct database_kind orders_kind = {
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

#define PAGE_ROWS 64              /* orders that are read at once, */
#define PAGE_SIZE ((size_t)65536) /* or as many as reach so many bytes */

struct sqlite_orders {
    struct orders orders; /* first, so that a pointer to it points to all of this */
    struct database *database;
    struct runs *runs; /* NULL with ORDERS_LOOK */
    char *text;        /* the data of the last order read */
    sqlite3_stmt *add;
    sqlite3_stmt *add_pending;
    sqlite3_stmt *confirm;
    sqlite3_stmt *find;
    sqlite3_stmt *other_runs;
    sqlite3_stmt *take_over;
    sqlite3_stmt *last_own;
    sqlite3_stmt *next;
    sqlite3_stmt *next_placed;
    sqlite3_stmt *next_pending;
    sqlite3_stmt *next_own;
    sqlite3_stmt *count;
    sqlite3_stmt *count_pending;
};

/* ---- opening ---- */

static enum exit_code prepare_to_place(struct sqlite_orders *store)
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

static enum exit_code prepare_to_read(struct sqlite_orders *store)
{
    const struct database_statement statements[] = {
        {&store->next, COLUMNS "WHERE seq > ?1 ORDER BY seq LIMIT ?2"},
        {&store->next_placed,
         COLUMNS "WHERE seq > ?1 AND seq NOT IN (SELECT seq FROM pending) ORDER BY seq LIMIT ?2"},
        {&store->next_pending, COLUMNS "WHERE seq IN (SELECT seq FROM pending WHERE seq > ?1"
                                       " ORDER BY seq LIMIT ?2) ORDER BY seq"},
        {&store->count, "SELECT count(*) FROM orders"},
        {&store->count_pending, "SELECT count(*) FROM pending"},
    };

    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

/* Prepares the other statements on first use: to prepare one takes longer than to run it, and
 * most runs place one order. */
static enum exit_code prepare_rest(struct sqlite_orders *store)
{
    const struct database_statement statements[] = {
        {&store->find, COLUMNS "WHERE order_id = ?1"},
        {&store->take_over, "UPDATE pending SET run = ?1 WHERE run = ?2"},
        {&store->last_own, "SELECT max(seq) FROM pending WHERE run = ?1"},
        {&store->next_own, COLUMNS
         "WHERE seq = (SELECT min(seq) FROM pending WHERE seq > ?1 AND seq <= ?2 AND run = ?3)"},
    };

    if (store->next_own != NULL)
        return EXIT_OK;
    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
}

/* ---- claiming ---- */

/* Finds a run with pending orders that has ended. */
static enum exit_code find_ended_run(struct sqlite_orders *store, int64_t *run, bool *found)
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

static enum exit_code take_over_all(struct sqlite_orders *store, int64_t *last)
{
    int64_t run = 0;
    bool found;
    enum exit_code code = find_ended_run(store, &run, &found);

    while (code == EXIT_OK && found) {
        database_bind_int(store->take_over, 1, runs_own(store->runs));
        database_bind_int(store->take_over, 2, run);
        code = database_run(store->database, store->take_over);
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

static enum exit_code claim(struct orders *base, int64_t *last)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    int64_t run = 0;
    bool found;
    enum exit_code code = find_ended_run(store, &run, &found);

    *last = 0;
    /* Nearly always there is none, and no lock is taken. */
    if (code != EXIT_OK || !found)
        return code;
    code = prepare_rest(store);
    if (code == EXIT_OK)
        code = database_begin(store->database);
    if (code != EXIT_OK)
        return code;
    /* Looks again under the lock: another run may have been quicker. */
    return database_end(store->database, take_over_all(store, last));
}

/* ---- reading ---- */

/* Reads the order in a row of a statement, all but its data. */
static void read_columns(sqlite3_stmt *statement, struct stored_order *order)
{
    memset(order, 0, sizeof *order);
    order->key = sqlite3_column_int64(statement, 0);
    if (sqlite3_column_bytes(statement, 1) == UUID_BYTES)
        memcpy(order->id, sqlite3_column_blob(statement, 1), UUID_BYTES);
    order->placed_at = sqlite3_column_int64(statement, 2);
    order->data_len = (size_t)sqlite3_column_bytes(statement, 3);
    order->status = sqlite3_column_int(statement, 4) != 0 ? ORDER_PENDING : ORDER_PLACED;
}

/* Copies the data of order, with a NUL, from the row that it was read from. */
static void copy_data(sqlite3_stmt *statement, const struct stored_order *order, char *data)
{
    memcpy(data, sqlite3_column_blob(statement, 3), order->data_len);
    data[order->data_len] = '\0';
}

/* Runs a statement to its first row, if there is one, and reads an order from it. */
static enum exit_code read_order(struct sqlite_orders *store, sqlite3_stmt *statement,
                                 struct stored_order *order, bool *found)
{
    enum exit_code code = database_row(store->database, statement, found);

    if (code == EXIT_OK && *found) {
        read_columns(statement, order);
        store->text = xrealloc(store->text, order->data_len + 1);
        copy_data(statement, order, store->text);
        order->data = store->text;
    }
    (void)sqlite3_reset(statement);
    return code;
}

/* Fails if the files are not in place: what was read may not be told then. ORDERS_PLACE learns
 * of it at a commit. */
static enum exit_code check_answer(struct sqlite_orders *store)
{
    return store->runs == NULL ? database_check_files(store->database) : EXIT_OK;
}

static enum exit_code find_one(struct sqlite_orders *store, const unsigned char id[UUID_BYTES],
                               struct stored_order *order, bool *found)
{
    database_bind_blob(store->find, 1, id, UUID_BYTES);
    return read_order(store, store->find, order, found);
}

static enum exit_code find(struct orders *base, const unsigned char (*ids)[UUID_BYTES],
                           size_t count, orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code = prepare_rest(store);
    bool goes_on = true;

    for (size_t i = 0; i < count && code == EXIT_OK && goes_on; i++) {
        struct stored_order order;
        bool found;

        code = find_one(store, ids[i], &order, &found);
        if (code == EXIT_OK)
            code = check_answer(store);
        if (code == EXIT_OK)
            goes_on = visit(context, i, found ? &order : NULL);
    }
    return code;
}

/* Visits the orders that a statement finds one after the other: parameter 1 is the key of the
 * last, and at first after. */
static enum exit_code visit_all(struct sqlite_orders *store, sqlite3_stmt *statement, int64_t after,
                                orders_visit *visit, void *context)
{
    struct stored_order order = {.key = after};
    enum exit_code code = EXIT_OK;
    bool goes_on = true;
    size_t index = 0;

    while (code == EXIT_OK && goes_on) {
        bool found;

        database_bind_int(statement, 1, order.key);
        code = read_order(store, statement, &order, &found);
        goes_on = code == EXIT_OK && found && visit(context, index++, &order);
    }
    return code == EXIT_OK ? check_answer(store) : code;
}

static enum exit_code each_pending(struct orders *base, int64_t after, int64_t last,
                                   orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code = prepare_rest(store);

    if (code != EXIT_OK)
        return code;
    database_bind_int(store->next_own, 2, last);
    database_bind_int(store->next_own, 3, runs_own(store->runs));
    return visit_all(store, store->next_own, after, visit, context);
}

/* Orders that were read at once. */
struct page {
    struct stored_order orders[PAGE_ROWS];
    size_t count;
    char *text; /* their data */
    size_t len;
    size_t size;
};

static void add_row(struct page *page, sqlite3_stmt *statement)
{
    struct stored_order *order = &page->orders[page->count++];

    read_columns(statement, order);
    if (page->size - page->len <= order->data_len) {
        page->size = 2 * (page->len + order->data_len + 1);
        page->text = xrealloc(page->text, page->size);
    }
    copy_data(statement, order, page->text + page->len);
    page->len += order->data_len + 1;
}

/* Reads the next orders, at most rows, that a statement finds after the key after. */
static enum exit_code read_page(struct sqlite_orders *store, sqlite3_stmt *statement, int64_t after,
                                size_t rows, struct page *page)
{
    enum exit_code code;
    const char *data;
    bool found;

    page->count = page->len = 0;
    database_bind_int(statement, 1, after);
    database_bind_int(statement, 2, (int64_t)rows);
    do {
        code = database_row(store->database, statement, &found);
        if (code == EXIT_OK && found)
            add_row(page, statement);
    } while (code == EXIT_OK && found && page->count < rows && page->len < PAGE_SIZE);
    (void)sqlite3_reset(statement);
    data = page->text;
    for (size_t i = 0; i < page->count; i++) {
        page->orders[i].data = data;
        data += page->orders[i].data_len + 1;
    }
    return code;
}

/* Returns whether visit wants more of them. */
static bool visit_page(const struct page *page, size_t index, orders_visit *visit, void *context)
{
    size_t i = 0;

    while (i < page->count && visit(context, index + i, &page->orders[i]))
        i++;
    return i > 0 && i == page->count;
}

/*
 * Visits the orders that a statement finds, page by page: no transaction is open while visit is
 * called, which may take its time. The first page is small, for a visit that wants few.
 */
static enum exit_code visit_pages(struct sqlite_orders *store, sqlite3_stmt *statement,
                                  int64_t after, orders_visit *visit, void *context)
{
    struct page page = {.count = 0};
    enum exit_code code;
    size_t index = 0;
    size_t rows = PAGE_ROWS / 16;
    bool goes_on;

    do {
        code = read_page(store, statement, after, rows, &page);
        goes_on = code == EXIT_OK && visit_page(&page, index, visit, context);
        if (goes_on)
            after = page.orders[page.count - 1].key;
        index += page.count;
        rows = PAGE_ROWS;
    } while (goes_on);
    free(page.text);
    return code == EXIT_OK ? check_answer(store) : code;
}

static enum exit_code each(struct orders *base, const enum order_status *only, int64_t after,
                           orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;

    return visit_pages(store,
                       only == NULL             ? store->next
                       : *only == ORDER_PENDING ? store->next_pending
                                                : store->next_placed,
                       after, visit, context);
}

static enum exit_code read_count(struct sqlite_orders *store, sqlite3_stmt *statement,
                                 int64_t *count)
{
    bool found;
    enum exit_code code = database_row(store->database, statement, &found);

    if (code == EXIT_OK)
        *count = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement);
    return code;
}

static enum exit_code count_orders(struct orders *base, const enum order_status *only,
                                   int64_t *count)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
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

/* ---- placing ---- */

/* Finds the order that has the id of order already. It may be one of the last added, which are
 * not in pending yet. */
static enum exit_code find_known(struct sqlite_orders *store, const struct stored_order *order,
                                 size_t added, struct stored_order *known)
{
    int64_t last = sqlite3_last_insert_rowid(sqlite3_db_handle(store->add));
    bool found;
    enum exit_code code = prepare_rest(store);

    if (code == EXIT_OK)
        code = find_one(store, order->id, known, &found);
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
        code = find_known(store, order, *added, &known);
        order = &known;
    }
    if (code == EXIT_OK)
        (void)commit->visit(commit->context, index, order);
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
    return database_run(store->database, store->add_pending);
}

static enum exit_code commit(struct orders *base, const struct orders_commit *commit)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code = commit->added_count > 0 ? database_begin(store->database)
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

static enum exit_code await(struct orders *base)
{
    return database_finish_sync(((struct sqlite_orders *)base)->database);
}

/* ---- the whole ---- */

/* Nobody else writes for long, and what else can fail with a file stays. */
static bool may_pass(const struct orders *base)
{
    (void)base;
    return false;
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
    free(store);
}

static const struct orders_operations operations = {.commit = commit,
                                                    .await = await,
                                                    .find = find,
                                                    .claim = claim,
                                                    .each_pending = each_pending,
                                                    .each = each,
                                                    .count = count_orders,
                                                    .may_pass = may_pass,
                                                    .idle = idle,
                                                    .close = close_orders};

enum exit_code sqlite_orders_open(const char *path, enum orders_access access, struct orders **out)
{
    struct sqlite_orders *store = xcalloc(1, sizeof *store);
    bool place = access == ORDERS_PLACE;
    enum exit_code code = database_open(&orders_kind, path, place ? DATABASE_CREATE : DATABASE_READ,
                                        &store->database);

    *out = NULL;
    store->orders.operations = &operations;
    if (code == EXIT_OK && place)
        code = runs_open(store->database, &store->runs);
    if (code == EXIT_OK)
        code = place ? prepare_to_place(store) : prepare_to_read(store);
    if (code != EXIT_OK)
        close_orders(&store->orders);
    else
        *out = &store->orders;
    return code;
}
