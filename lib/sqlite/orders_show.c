#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/orders.h"
#include "store/order_columns.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 64              /* orders that are read at once, */
#define PAGE_SIZE ((size_t)65536) /* or as many as reach so many bytes */

/* ---- one ---- */

static enum order_status read_status(sqlite3_stmt *statement)
{
    int64_t status = sqlite3_column_int64(statement, COLUMN_STATUS);

    if (status >= ORDER_RESERVED && status < ORDER_STATUS_COUNT)
        return (enum order_status)status;
    return sqlite3_column_int(statement, COLUMN_IS_PENDING) != 0 ? ORDER_PENDING : ORDER_PLACED;
}

/* Reads the order in a row of a statement, all but its texts. */
static void read_columns(sqlite3_stmt *statement, struct stored_order *order)
{
    memset(order, 0, sizeof *order);
    order->key = sqlite3_column_int64(statement, COLUMN_KEY);
    if (sqlite3_column_bytes(statement, COLUMN_ID) == UUID_BYTES)
        memcpy(order->id, sqlite3_column_blob(statement, COLUMN_ID), UUID_BYTES);
    order->placed_at = sqlite3_column_int64(statement, COLUMN_PLACED_AT);
    order->data_len = (size_t)sqlite3_column_bytes(statement, COLUMN_DATA);
    order->status = read_status(statement);
    for (int i = ORDER_RESERVED; i < ORDER_STATUS_COUNT; i++)
        order->reached_at[i] =
            sqlite3_column_int64(statement, COLUMN_RESERVED_AT + i - ORDER_RESERVED);
}

/* Returns the size of the texts of a row, each with a NUL. */
static size_t texts_size(sqlite3_stmt *statement)
{
    return (size_t)sqlite3_column_bytes(statement, COLUMN_DATA) +
           (size_t)sqlite3_column_bytes(statement, COLUMN_REASON) + 2;
}

/* Copies the text of a column to text, and returns where the copy ends. */
static char *copy_text(sqlite3_stmt *statement, int column, char *text)
{
    size_t len = (size_t)sqlite3_column_bytes(statement, column);

    if (len > 0)
        memcpy(text, sqlite3_column_blob(statement, column), len);
    text[len] = '\0';
    return text + len + 1;
}

/* Copies the texts of a row: the data, and then the reason. */
static void copy_texts(sqlite3_stmt *statement, char *texts)
{
    (void)copy_text(statement, COLUMN_REASON, copy_text(statement, COLUMN_DATA, texts));
}

/* Returns where the texts end. */
static const char *set_texts(struct stored_order *order, const char *texts)
{
    const char *reason = texts + order->data_len + 1;

    order->data = texts;
    order->reason = *reason == '\0' ? NULL : reason;
    return reason + strlen(reason) + 1;
}

enum exit_code orders_read(struct sqlite_orders *store, sqlite3_stmt *statement,
                           struct stored_order *order, bool *found)
{
    enum exit_code code = database_row(store->database, statement, found);

    if (code == EXIT_OK && *found) {
        read_columns(statement, order);
        store->text = xrealloc(store->text, texts_size(statement));
        copy_texts(statement, store->text);
        (void)set_texts(order, store->text);
    }
    (void)sqlite3_reset(statement);
    return code;
}

enum exit_code orders_find_one(struct sqlite_orders *store, const unsigned char id[UUID_BYTES],
                               struct stored_order *order, bool *found)
{
    enum exit_code code =
        orders_prepare(store, &store->find, ORDERS_COLUMNS "WHERE o.order_id = ?1");

    if (code != EXIT_OK)
        return code;
    database_bind_blob(store->find, 1, id, UUID_BYTES);
    return orders_read(store, store->find, order, found);
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
            code = orders_check_answer(store);
        if (code == EXIT_OK)
            goes_on = visit(context, i, found ? &order : NULL);
    }
    return code;
}

/* ---- many ---- */

/* Orders that were read at once. */
struct page {
    struct stored_order orders[PAGE_ROWS];
    size_t count;
    char *text; /* their texts */
    size_t len;
    size_t size;
};

static void add_row(struct page *page, sqlite3_stmt *statement)
{
    size_t size = texts_size(statement);

    read_columns(statement, &page->orders[page->count++]);
    if (page->size - page->len < size) {
        page->size = 2 * (page->len + size);
        page->text = xrealloc(page->text, page->size);
    }
    copy_texts(statement, page->text + page->len);
    page->len += size;
}

/* Reads the next orders, at most rows, that a statement finds after the key after. */
static enum exit_code read_page(struct sqlite_orders *store, sqlite3_stmt *statement, int64_t after,
                                size_t rows, struct page *page)
{
    enum exit_code code;
    const char *texts;
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
    texts = page->text;
    for (size_t i = 0; i < page->count; i++)
        texts = set_texts(&page->orders[i], texts);
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

/* A page that is not full, for no lack of room, is the last: to look for more may take long. */
static bool is_last(const struct page *page, size_t wanted)
{
    return page->count < wanted && page->len < PAGE_SIZE;
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
        goes_on =
            code == EXIT_OK && visit_page(&page, index, visit, context) && !is_last(&page, rows);
        if (goes_on)
            after = page.orders[page.count - 1].key;
        index += page.count;
        rows = PAGE_ROWS;
    } while (goes_on);
    free(page.text);
    return code == EXIT_OK ? orders_check_answer(store) : code;
}

/* SQL: neither an outcome nor pending. */
#define IS_PLACED "seq NOT IN (SELECT seq FROM outcomes) AND seq NOT IN (SELECT seq FROM pending)"

/* Those that are not listed have greater keys than all that are. */
#define PLACED                                                                            \
    "SELECT seq FROM awaited WHERE seq > ?1 AND " IS_PLACED                               \
    " UNION ALL SELECT seq FROM orders WHERE seq > max(?1, (SELECT coalesce(max(seq), 0)" \
    " FROM listed)) AND " IS_PLACED " ORDER BY seq LIMIT ?2"

/* The rows of an outcome have their status bound: ?3. */
static enum exit_code prepare_each(struct sqlite_orders *store, const enum order_status *only,
                                   sqlite3_stmt **statement)
{
    sqlite3_stmt **place = only == NULL             ? &store->next
                           : *only == ORDER_PENDING ? &store->next_pending
                           : *only == ORDER_PLACED  ? &store->next_placed
                                                    : &store->next_outcome;
    const char *sql = only == NULL ? ORDERS_COLUMNS "WHERE o.seq > ?1 ORDER BY o.seq LIMIT ?2"
                      : *only == ORDER_PENDING ? ORDERS_COLUMNS
                          "WHERE o.seq IN (SELECT seq FROM pending WHERE seq > ?1 AND seq"
                          " NOT IN (SELECT seq FROM outcomes) ORDER BY seq LIMIT ?2)"
                          " ORDER BY o.seq"
                      : *only == ORDER_PLACED ? ORDERS_COLUMNS "WHERE o.seq IN (" PLACED
                                                               ") ORDER BY o.seq"
                                              : ORDERS_COLUMNS
                          "WHERE o.seq IN (SELECT seq FROM outcomes WHERE status = ?3"
                          " AND seq > ?1 ORDER BY seq LIMIT ?2) ORDER BY o.seq";
    enum exit_code code = orders_prepare(store, place, sql);

    *statement = *place;
    if (code == EXIT_OK && place == &store->next_outcome)
        database_bind_int(*statement, 3, *only);
    return code;
}

enum exit_code orders_each(struct orders *base, const enum order_status *only, int64_t after,
                           orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    sqlite3_stmt *statement;
    enum exit_code code = prepare_each(store, only, &statement);

    return code == EXIT_OK ? visit_pages(store, statement, after, visit, context) : code;
}

enum exit_code orders_fetch(struct orders *base, const int64_t *keys, size_t count,
                            orders_visit *visit, void *context)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code = orders_prepare(store, &store->fetch, ORDERS_COLUMNS "WHERE o.seq = ?1");
    bool goes_on = true;

    for (size_t i = 0; i < count && code == EXIT_OK && goes_on; i++) {
        struct stored_order order;
        bool found;

        database_bind_int(store->fetch, 1, keys[i]);
        code = orders_read(store, store->fetch, &order, &found);
        if (code == EXIT_OK && i % PAGE_ROWS == 0)
            code = orders_check_answer(store);
        if (code == EXIT_OK && found)
            goes_on = visit(context, i, &order);
    }
    return code;
}

/* ---- counting ---- */

enum exit_code orders_read_number(struct sqlite_orders *store, sqlite3_stmt **statement,
                                  const char *sql, int64_t *number)
{
    bool found;
    enum exit_code code = orders_prepare(store, statement, sql);

    if (code == EXIT_OK)
        code = database_row(store->database, *statement, &found);
    if (code == EXIT_OK)
        *number = sqlite3_column_int64(*statement, 0);
    (void)sqlite3_reset(*statement);
    return code;
}

#define COUNT_ALL "SELECT count(*) FROM orders"
#define COUNT_PENDING "SELECT count(*) FROM pending WHERE seq NOT IN (SELECT seq FROM outcomes)"

/* The others are counted, which is fast; in one statement, so that all are of one moment. */
#define COUNT_PLACED \
    "SELECT (" COUNT_ALL ") - (" COUNT_PENDING ") - (SELECT count(*) FROM outcomes)"

static enum exit_code count_outcome(struct sqlite_orders *store, enum order_status status,
                                    int64_t *count)
{
    const char *sql = "SELECT count(*) FROM outcomes WHERE status = ?1";
    enum exit_code code = orders_prepare(store, &store->count_outcome, sql);

    if (code != EXIT_OK)
        return code;
    database_bind_int(store->count_outcome, 1, status);
    return orders_read_number(store, &store->count_outcome, sql, count);
}

enum exit_code orders_count(struct orders *base, const enum order_status *only, int64_t *count)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code;

    *count = 0;
    if (only == NULL)
        code = orders_read_number(store, &store->count, COUNT_ALL, count);
    else if (*only == ORDER_PENDING)
        code = orders_read_number(store, &store->count_pending, COUNT_PENDING, count);
    else if (*only == ORDER_PLACED)
        code = orders_read_number(store, &store->count_placed, COUNT_PLACED, count);
    else
        code = count_outcome(store, *only, count);
    return code == EXIT_OK ? orders_check_answer(store) : code;
}
