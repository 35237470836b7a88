/* ledger_size: how large a ledger is, told from the ends of its tables. */
#include "postgres/ledger.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* Of the event of an order's end, the time is that of the end. */
#define MEASURE                                                                               \
    "SELECT coalesce((SELECT max(seq) FROM order_tools.reservations)"                         \
    " - (SELECT min(seq) FROM order_tools.reservations) + 1, 0),"                             \
    " pg_total_relation_size('order_tools.reservations')"                                     \
    " + pg_total_relation_size('order_tools.outbox'), count(*), coalesce((extract(epoch FROM" \
    " now() - min(CASE WHEN o.seq = r.seq THEN r.decided_at ELSE r.ended_at END))"            \
    " * 1000)::bigint, 0)"                                                                    \
    " FROM (SELECT seq FROM order_tools.outbox ORDER BY seq LIMIT " TEXT(                     \
        LEDGER_OWED_MAX) ") o JOIN order_tools.reservations r ON r.seq = " ORDER_OF_EVENT("o.seq")

static bool measure(struct session *session, void *context)
{
    struct ledger_size *size = context;
    const PGresult *result;
    size_t place;

    if (!session_read(session, MEASURE, NULL, 0, &place))
        return false;
    result = session_result(session, place);
    *size = (struct ledger_size){.orders = result_int(result, 0, 0),
                                 .bytes = result_int(result, 0, 1),
                                 .owed = result_int(result, 0, 2),
                                 .oldest_age_ms = result_int(result, 0, 3)};
    return true;
}

bool postgres_ledger_measure(struct ledger *base, struct ledger_size *size)
{
    return session_look(((struct postgres_ledger *)base)->session, measure, size);
}
