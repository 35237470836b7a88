/* ledger_report: the stock movements. */
#include "postgres/ledger.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 256
#define HOUR_MS INT64_C(3600000)

#define SUM(column) \
    " coalesce(sum(m." column ") FILTER (WHERE m.hour >= ($3::timestamptz[])[1]), 0)::bigint"

#define SUMS      \
    SUM("put_in") \
    "," SUM("taken_out") "," SUM("ordered") "," SUM("released") "," SUM("handed_over")

#define READ                                                                                 \
    "SELECT m.sku, s.sku IS NOT NULL, coalesce(s.on_hand, 0), coalesce(s.reserved, 0)," SUMS \
    " FROM order_tools.movements m LEFT JOIN order_tools.stock s USING (sku)"                \
    " WHERE m.sku > ($1::text[])[1] GROUP BY m.sku, s.sku, s.on_hand, s.reserved"            \
    " ORDER BY m.sku LIMIT $2"

struct page {
    struct array *after; /* an array of one sku */
    struct array *since; /* an array of one time */
    PGresult *result;
};

static bool read_page(struct session *session, void *context)
{
    struct page *page = context;
    struct parameter_int room;
    const struct parameter parameters[] = {parameter_array(page->after),
                                           parameter_int(PAGE_ROWS, &room),
                                           parameter_array(page->since)};
    size_t place;

    if (!session_read(session, READ, parameters, 3, &place))
        return false;
    page->result = session_take_result(session, place);
    return true;
}

static struct ledger_report read_report(const PGresult *result, int row)
{
    return (struct ledger_report){.level = {.sku = libpq.PQgetvalue(result, row, 0),
                                            .is_limited = result_bool(result, row, 1),
                                            .on_hand = result_int(result, row, 2),
                                            .reserved = result_int(result, row, 3)},
                                  .put_in = result_int(result, row, 4),
                                  .taken_out = result_int(result, row, 5),
                                  .ordered = result_int(result, row, 6),
                                  .released = result_int(result, row, 7),
                                  .handed_over = result_int(result, row, 8)};
}

/* Returns whether to read on, after the sku in after. */
static bool visit_page(const PGresult *result, struct array *after,
                       bool (*visit)(void *context, const struct ledger_report *report),
                       void *context)
{
    int rows = libpq.PQntuples(result);
    bool goes_on = true;

    for (int row = 0; row < rows && goes_on; row++) {
        struct ledger_report report = read_report(result, row);

        array_start(after, ARRAY_TEXT);
        array_text(after, report.level.sku, strlen(report.level.sku));
        goes_on = visit(context, &report);
    }
    return goes_on && rows == PAGE_ROWS;
}

enum exit_code postgres_ledger_each_report(struct ledger *base, int64_t since_ms,
                                           bool (*visit)(void *context,
                                                         const struct ledger_report *report),
                                           void *context)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct page page = {.after = &ledger->arrays[0], .since = &ledger->arrays[1]};
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    array_start(page.after, ARRAY_TEXT);
    array_text(page.after, "", 0);
    array_start(page.since, ARRAY_TIME);
    array_time(page.since, since_ms - since_ms % HOUR_MS);
    while (goes_on && code == EXIT_OK) {
        page.result = NULL;
        code = session_do(ledger->session, "read stock movements", read_page, &page);
        goes_on = code == EXIT_OK && visit_page(page.result, page.after, visit, context);
        libpq.PQclear(page.result);
    }
    return code;
}
