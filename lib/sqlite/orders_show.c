#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/orders.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 64              /* orders that are read at once, */
#define PAGE_SIZE ((size_t)65536) /* or as many as reach so many bytes */

/* ---- one ---- */

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

enum exit_code orders_read(struct sqlite_orders *store, sqlite3_stmt *statement,
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

/* Prepares the statement on first use: to prepare it takes longer than to run it, and most runs of
 * order-place find no order. */
static enum exit_code prepare_to_find(struct sqlite_orders *store)
{
    const struct database_statement statement = {&store->find,
                                                 ORDERS_COLUMNS "WHERE order_id = ?1"};

    return store->find != NULL ? EXIT_OK : database_prepare(store->database, &statement, 1);
}

enum exit_code orders_find_one(struct sqlite_orders *store, const unsigned char id[UUID_BYTES],
                               struct stored_order *order, bool *found)
{
    enum exit_code code = prepare_to_find(store);

    if (code != EXIT_OK)
        return code;
    database_bind_blob(store->find, 1, id, UUID_BYTES);
    return orders_read(store, store->find, order, found);
}

/* Fails if the files are not in place: what was read may not be told then. ORDERS_PLACE learns
 * of it at a commit. */
static enum exit_code check_answer(struct sqlite_orders *store)
{
    return store->runs == NULL ? database_check_files(store->database) : EXIT_OK;
}

enum exit_code orders_find(struct orders *base, const unsigned char (*ids)[UUID_BYTES],
                           size_t count, orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code = EXIT_OK;
    bool goes_on = true;

    for (size_t i = 0; i < count && code == EXIT_OK && goes_on; i++) {
        struct stored_order order;
        bool found;

        code = orders_find_one(store, ids[i], &order, &found);
        if (code == EXIT_OK)
            code = check_answer(store);
        if (code == EXIT_OK)
            goes_on = visit(context, i, found ? &order : NULL);
    }
    return code;
}

/* ---- many ---- */

enum exit_code orders_prepare_to_show(struct sqlite_orders *store)
{
    const struct database_statement statements[] = {
        {&store->next, ORDERS_COLUMNS "WHERE seq > ?1 ORDER BY seq LIMIT ?2"},
        {&store->next_placed, ORDERS_COLUMNS
         "WHERE seq > ?1 AND seq NOT IN (SELECT seq FROM pending) ORDER BY seq LIMIT ?2"},
        {&store->next_pending, ORDERS_COLUMNS "WHERE seq IN (SELECT seq FROM pending WHERE seq > ?1"
                                              " ORDER BY seq LIMIT ?2) ORDER BY seq"},
        {&store->count, "SELECT count(*) FROM orders"},
        {&store->count_pending, "SELECT count(*) FROM pending"},
    };

    return database_prepare(store->database, statements, sizeof statements / sizeof statements[0]);
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

enum exit_code orders_each(struct orders *base, const enum order_status *only, int64_t after,
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

enum exit_code orders_count(struct orders *base, const enum order_status *only, int64_t *count)
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
