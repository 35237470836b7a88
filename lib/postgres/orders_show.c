/* orders_show: orders that are read. */
#include "base/memory.h"
#include "postgres/orders.h"
#include "store/order_columns.h"

#include <stdlib.h>

#define PAGE_ROWS 256      /* orders that are read at once, if they are not large; */
#define PAGE_ROWS_FIRST 16 /* the first time so many, for a visit that wants few */
#define PAGE_BYTES 1048576

/* SQL that reads the orders of a condition, $2 of them or as many as reach a MiB. */
#define PAGE(condition, key)                                                          \
    "SELECT seq, order_id, placed_at, data, pending, status, reason, reserved_at,"    \
    " failed_at, cancelled_at, handed_over_at, trace FROM (SELECT chosen.*,"          \
    " sum(octet_length(data)) OVER (ORDER BY seq) - octet_length(data) AS before"     \
    " FROM (" ORDERS_COLUMNS "WHERE " condition " ORDER BY " key " LIMIT $2) chosen)" \
    " page WHERE before < 1048576 ORDER BY seq"

static bool read_rows(struct session *session, void *context)
{
    struct orders_reading *reading = context;
    size_t place;

    if (!session_read(session, reading->sql, reading->parameters, reading->count, &place))
        return false;
    reading->result = session_take_result(session, place);
    return true;
}

enum exit_code orders_run_reading(struct postgres_orders *store, struct orders_reading *reading)
{
    return session_do(store->session, "read orders", read_rows, reading);
}

static void visit_found(const struct orders_reading *reading, const int *rows, size_t count,
                        orders_visit *visit, void *context)
{
    bool goes_on = true;

    for (size_t i = 0; i < count && goes_on; i++) {
        struct stored_order order;

        if (rows[i] >= 0)
            orders_read_row(reading->result, rows[i], &order);
        goes_on = visit(context, i, rows[i] >= 0 ? &order : NULL);
    }
}

enum exit_code postgres_orders_find(struct orders *base, const unsigned char (*ids)[UUID_BYTES],
                                    size_t count, orders_visit *visit, void *context)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct orders_reading reading = {.sql = ORDERS_COLUMNS "WHERE o.order_id = ANY ($1::uuid[])",
                                     .count = 1};
    int *rows = xmalloc((count + 1) * sizeof *rows);
    enum exit_code code;

    array_start(&store->ids, ARRAY_UUID);
    for (size_t i = 0; i < count; i++) {
        array_uuid(&store->ids, ids[i]);
        rows[i] = -1;
    }
    sought_list(&store->sought, (const unsigned char *)ids, UUID_BYTES, count);
    reading.parameters[0] = parameter_array(&store->ids);
    code = orders_run_reading(store, &reading);
    if (code == EXIT_OK) {
        sought_rows(&store->sought, reading.result, COLUMN_ID, false, rows);
        visit_found(&reading, rows, count, visit, context);
    }
    libpq.PQclear(reading.result);
    free(rows);
    return code;
}

/* Visits the rows of a page. Sets *after to the key of the last. Returns whether to read on. */
static bool visit_page(const PGresult *page, size_t *index, int64_t *after, orders_visit *visit,
                       void *context)
{
    int rows = libpq.PQntuples(page);

    for (int row = 0; row < rows; row++) {
        struct stored_order order;

        orders_read_row(page, row, &order);
        *after = order.key;
        if (!visit(context, (*index)++, &order))
            return false;
    }
    return rows > 0;
}

/* A page that is not full, for no lack of room, is the last: to look for more may take long. */
static bool is_last(const PGresult *page, int64_t wanted)
{
    int rows = libpq.PQntuples(page);
    int64_t bytes = 0;

    for (int row = 0; row < rows; row++)
        bytes += libpq.PQgetlength(page, row, COLUMN_DATA);
    return rows < wanted && bytes < PAGE_BYTES;
}

/* Visits page by page what a statement finds: $1 is the key after which a page begins, $2 the
 * number of its rows. */
static enum exit_code visit_pages(struct postgres_orders *store, struct orders_reading *reading,
                                  int64_t after, orders_visit *visit, void *context)
{
    struct parameter_int room[2];
    int64_t rows = PAGE_ROWS_FIRST;
    size_t index = 0;
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    while (goes_on && code == EXIT_OK) {
        PGresult *page;

        reading->parameters[0] = parameter_int(after, &room[0]);
        reading->parameters[1] = parameter_int(rows, &room[1]);
        code = orders_run_reading(store, reading);
        page = reading->result;
        reading->result = NULL;
        goes_on = code == EXIT_OK && visit_page(page, &index, &after, visit, context) &&
                  !is_last(page, rows);
        libpq.PQclear(page);
        rows = PAGE_ROWS;
    }
    return code;
}

enum exit_code postgres_orders_each_pending(struct orders *base, int64_t after, int64_t last,
                                            orders_visit *visit, void *context)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct parameter_int room[2];
    struct orders_reading reading = {
        .sql = PAGE("p.seq > $1 AND p.seq <= $3 AND p.run = $4", "p.seq"), .count = 4};

    reading.parameters[2] = parameter_int(last, &room[0]);
    reading.parameters[3] = parameter_int(run_number(store->run), &room[1]);
    return visit_pages(store, &reading, after, visit, context);
}

/* As subqueries, which are looked up one by one: only then few are looked at. */
#define IS_PLACED                                                              \
    "coalesce((SELECT x.seq FROM order_tools.outcomes x WHERE x.seq = w.seq)," \
    " (SELECT p.seq FROM order_tools.pending p WHERE p.seq = w.seq)) IS NULL"

/* Those that are not listed have greater keys than all that are. An array, so that it is found
 * first, and each order by its key; each half with a limit, so that neither is read to its end. */
#define PLACED                                                                           \
    "(ARRAY ((SELECT seq FROM order_tools.awaited w WHERE seq > $1 AND " IS_PLACED       \
    " ORDER BY seq LIMIT $2) UNION ALL (SELECT seq FROM order_tools.orders w"            \
    " WHERE seq > greatest($1, (SELECT coalesce(max(seq), 0) FROM order_tools.listed)) " \
    "AND " IS_PLACED " ORDER BY seq LIMIT $2) ORDER BY seq LIMIT $2))"

/* $3 is the status of an outcome. */
static const char *sql_of_each(const enum order_status *only)
{
    if (only == NULL)
        return PAGE("o.seq > $1", "o.seq");
    if (*only == ORDER_PENDING)
        return PAGE("p.seq > $1 AND x.seq IS NULL", "p.seq");
    if (*only == ORDER_PLACED)
        return PAGE("o.seq = ANY " PLACED, "o.seq");
    return PAGE("x.seq > $1 AND x.status = $3", "x.seq");
}

enum exit_code postgres_orders_each(struct orders *base, const enum order_status *only,
                                    int64_t after, orders_visit *visit, void *context)
{
    struct orders_reading reading = {.sql = sql_of_each(only), .count = 2};

    if (only != NULL && *only >= ORDER_RESERVED)
        reading.parameters[reading.count++] = parameter_text(order_status_name(*only));
    return visit_pages((struct postgres_orders *)base, &reading, after, visit, context);
}

/* Visits the first of count keys, as many as make a page. Sets *after to the last of them. */
static enum exit_code fetch_page(struct postgres_orders *store, const int64_t *keys, size_t count,
                                 size_t *index, int64_t *after, orders_visit *visit, void *context,
                                 bool *goes_on)
{
    struct parameter_int room;
    struct orders_reading reading = {.sql = PAGE("o.seq = ANY ($1::bigint[])", "o.seq"),
                                     .count = 2};
    enum exit_code code;

    array_start(&store->keys, ARRAY_INT);
    for (size_t i = 0; i < count; i++)
        array_int(&store->keys, keys[i]);
    reading.parameters[0] = parameter_array(&store->keys);
    reading.parameters[1] = parameter_int((int64_t)count, &room);
    code = orders_run_reading(store, &reading);
    *after = keys[count - 1];
    if (code == EXIT_OK && libpq.PQntuples(reading.result) > 0)
        *goes_on = visit_page(reading.result, index, after, visit, context);
    libpq.PQclear(reading.result);
    return code;
}

enum exit_code postgres_orders_fetch(struct orders *base, const int64_t *keys, size_t count,
                                     orders_visit *visit, void *context)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    enum exit_code code = EXIT_OK;
    size_t rows = PAGE_ROWS_FIRST;
    size_t index = 0;
    size_t at = 0;
    bool goes_on = true;

    while (at < count && code == EXIT_OK && goes_on) {
        int64_t after;

        code = fetch_page(store, keys + at, rows < count - at ? rows : count - at, &index, &after,
                          visit, context, &goes_on);
        while (at < count && keys[at] <= after)
            at++;
        rows = PAGE_ROWS;
    }
    return code;
}

/* ---- counting ---- */

/* Those that are placed are what is left of all, which are counted fast. */
static const char *sql_of_count(const enum order_status *only)
{
    if (only == NULL)
        return "SELECT count(*) FROM order_tools.orders";
    if (*only == ORDER_PENDING)
        return "SELECT count(*) FROM order_tools.pending WHERE NOT EXISTS"
               " (SELECT 1 FROM order_tools.outcomes x WHERE x.seq = pending.seq)";
    if (*only == ORDER_PLACED)
        return "SELECT (SELECT count(*) FROM order_tools.orders)"
               " - (SELECT count(*) FROM order_tools.outcomes)"
               " - (SELECT count(*) FROM order_tools.pending WHERE NOT EXISTS"
               " (SELECT 1 FROM order_tools.outcomes x WHERE x.seq = pending.seq))";
    return "SELECT count(*) FROM order_tools.outcomes WHERE status = $1";
}

enum exit_code postgres_orders_count(struct orders *base, const enum order_status *only,
                                     int64_t *count)
{
    struct orders_reading reading = {.sql = sql_of_count(only)};
    enum exit_code code;

    if (only != NULL && *only >= ORDER_RESERVED)
        reading.parameters[reading.count++] = parameter_text(order_status_name(*only));
    code = orders_run_reading((struct postgres_orders *)base, &reading);
    *count = code == EXIT_OK ? result_int(reading.result, 0, 0) : 0;
    libpq.PQclear(reading.result);
    return code;
}
