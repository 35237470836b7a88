/* ledger_held: what reserved orders hold. */
#include "postgres/ledger.h"

#define PAGE_ROWS 256

#define IS_RESERVED "outcome = 'RESERVED' AND ending IS NULL"

/* Whoever changes what orders hold of a sku has its level locked, so all pages see the same of
 * those that levels() has locked. A program of version 1 may have forgotten the order. */
#define PAGE                                                                                   \
    "SELECT h.seq, h.held FROM order_tools.held h JOIN order_tools.reservations r USING (seq)" \
    " WHERE h.seq > $1 AND " IS_RESERVED " ORDER BY h.seq LIMIT $2"

#define COUNT_UNNOTED \
    "SELECT count(*) FROM order_tools.reservations WHERE NOT is_noted AND " IS_RESERVED

struct page {
    struct postgres_ledger *ledger;
    int64_t after; /* the key of the last row of the page before */
    bool is_last;
    void (*visit)(void *context, const char *held);
    void *context;
};

static bool read_page(struct session *session, void *context)
{
    struct page *page = context;
    struct parameter_int room[2];
    const struct parameter parameters[] = {parameter_int(page->after, &room[0]),
                                           parameter_int(PAGE_ROWS, &room[1])};
    const PGresult *result;
    size_t place;
    int rows;

    if (!decision_join(page->ledger))
        return true;
    place = session_add(session, PAGE, parameters, 2);
    if (!session_land(session))
        return false;
    result = session_result(session, place);
    rows = libpq.PQntuples(result);
    for (int row = 0; row < rows; row++) {
        page->after = result_int(result, row, 0);
        page->visit(page->context, libpq.PQgetvalue(result, row, 1));
    }
    page->is_last = rows < PAGE_ROWS;
    return true;
}

enum exit_code postgres_ledger_each_held(struct ledger *base,
                                         void (*visit)(void *context, const char *held),
                                         void *context)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct page page = {.ledger = ledger, .visit = visit, .context = context};
    enum exit_code code;

    do
        code = decision_went(
            ledger, session_do(ledger->session, "read what orders hold", read_page, &page));
    while (code == EXIT_OK && !page.is_last);
    return code;
}

static bool count_unnoted(struct session *session, void *context)
{
    int64_t *count = context;
    size_t place;

    if (!session_read(session, COUNT_UNNOTED, NULL, 0, &place))
        return false;
    *count = result_int(session_result(session, place), 0, 0);
    return true;
}

enum exit_code postgres_ledger_count_unnoted(struct ledger *base, int64_t *count)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;

    *count = 0;
    return session_do(ledger->session, "count orders", count_unnoted, count);
}
