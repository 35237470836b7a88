/* mover_kinds: what is special to a domain. */
#include "postgres/ledger.h"
#include "postgres/mover.h"
#include "postgres/notified.h"
#include "postgres/orders.h"

/* The next number that the column seq of a table is given. */
#define CONTINUE(table)                                         \
    "SELECT setval(pg_get_serial_sequence('" table "', 'seq')," \
    " coalesce(max(seq), 1), max(seq) IS NOT NULL) FROM " table

/* SQL: from ORDER_RESERVED, which is 2, on. */
#define STATUSES "'{RESERVED,FAILED,CANCELLED,HANDED_OVER}'::text[]"

#define OUTCOME OUTCOME_NUMBER("r.outcome")
#define ENDING OUTCOME_NUMBER("r.ending")

/* What orders are looked up by is not moved: order-track lists them again. No run has the number
 * 0. */
static const struct mover_kind kinds[] = {
    [MOVED_ORDERS] = {&postgres_orders_kind,
                      {{.count = "SELECT count(*) FROM order_tools.orders",
                        .read =
                            "SELECT o.seq, o.order_id, o.placed_at, o.data,"
                            " CASE WHEN p.seq IS NULL THEN 0 ELSE 1 END, coalesce(p.trace, '')"
                            " FROM order_tools.orders o LEFT JOIN order_tools.pending p USING (seq)"
                            " WHERE o.seq > $1 ORDER BY o.seq LIMIT $2",
                        .write =
                            "WITH given AS (SELECT * FROM unnest($1::bigint[], $2::uuid[],"
                            " $3::timestamptz[], $4::text[], $5::bigint[], $6::text[])"
                            " AS given (seq, id, at, data, is_pending, trace)),"
                            " listed AS (INSERT INTO order_tools.pending (seq, run, trace)"
                            " SELECT seq, 0, nullif(trace, '') FROM given WHERE is_pending <> 0)"
                            " INSERT INTO order_tools.orders (seq, order_id, placed_at, data)"
                            " OVERRIDING SYSTEM VALUE SELECT seq, id, at, data FROM given",
                        .end = CONTINUE("order_tools.orders")},
                       {.count = "SELECT count(*) FROM order_tools.outcomes",
                        .read = "SELECT seq, 1 + array_position(" STATUSES ", status),"
                                " coalesce(reason, ''), coalesce(reserved_at, 'epoch'),"
                                " coalesce(failed_at, 'epoch'), coalesce(cancelled_at, 'epoch'),"
                                " coalesce(handed_over_at, 'epoch') FROM order_tools.outcomes"
                                " WHERE seq > $1 ORDER BY seq LIMIT $2",
                        .write = "INSERT INTO order_tools.outcomes (seq, status, reason,"
                                 " reserved_at, failed_at, cancelled_at, handed_over_at)"
                                 " SELECT seq, (" STATUSES ")[status - 1], nullif(reason, ''),"
                                 " nullif(reserved_at, 'epoch'), nullif(failed_at, 'epoch'),"
                                 " nullif(cancelled_at, 'epoch'), nullif(handed_over_at, 'epoch')"
                                 " FROM unnest($1::bigint[], $2::bigint[], $3::text[],"
                                 " $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],"
                                 " $7::timestamptz[]) AS given (seq, status, reason, reserved_at,"
                                 " failed_at, cancelled_at, handed_over_at)"},
                       {.count = "SELECT count(*) FROM order_tools.cancellations",
                        .read = "SELECT seq, cancelled_at, reason,"
                                " CASE WHEN run IS NULL THEN 0 ELSE 1 END, coalesce(trace, '')"
                                " FROM order_tools.cancellations"
                                " WHERE seq > $1 ORDER BY seq LIMIT $2",
                        .write = "INSERT INTO order_tools.cancellations"
                                 " (seq, cancelled_at, reason, run, trace)"
                                 " SELECT seq, at, reason, CASE WHEN is_pending <> 0 THEN 0 END,"
                                 " nullif(trace, '')"
                                 " FROM unnest($1::bigint[], $2::timestamptz[], $3::text[],"
                                 " $4::bigint[], $5::text[])"
                                 " AS given (seq, at, reason, is_pending, trace)"}}},
    /* A run that has ended without saying so has the number -1 then. */
    [MOVED_LEDGER] =
        {&postgres_ledger_kind,
         {{.count = "SELECT count(*) FROM order_tools.reservations",
           .read = "SELECT r.seq, r.order_id, " OUTCOME ", r.decided_at, coalesce(o.event, ''),"
                   " (CASE o.run WHEN 0 THEN 1 ELSE 0 END)::bigint, r.is_noted::int::bigint,"
                   " CASE WHEN r.ending IS NULL THEN 0 ELSE " ENDING " END,"
                   " coalesce(r.ended_at, to_timestamp(0)), coalesce(d.held, ''),"
                   " coalesce(e.event, ''), (CASE e.run WHEN 0 THEN 1 ELSE 0 END)::bigint,"
                   " coalesce(r.trace, ''), coalesce(r.end_trace, '')"
                   " FROM order_tools.reservations r LEFT JOIN order_tools.outbox o USING (seq)"
                   " LEFT JOIN order_tools.outbox e ON e.seq = r.seq + " LEDGER_END
                   " LEFT JOIN order_tools.held d ON d.seq = r.seq"
                   " WHERE r.seq > $1 ORDER BY r.seq LIMIT $2",
           .write = "WITH given AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[],"
                    " $4::timestamptz[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],"
                    " $9::timestamptz[], $10::text[], $11::text[], $12::bigint[], $13::text[],"
                    " $14::text[]) AS given (seq,"
                    " id, outcome, at, event, is_logged, is_noted, ending, ended_at, held,"
                    " end_event, end_is_logged, trace, end_trace)),"
                    " owed AS (INSERT INTO order_tools.outbox (seq, run, event)"
                    " SELECT seq, is_logged - 1, event FROM given WHERE event <> '' UNION ALL"
                    " SELECT seq + " LEDGER_END ", end_is_logged - 1, end_event FROM given"
                    " WHERE end_event <> ''),"
                    " kept AS (INSERT INTO order_tools.held (seq, held)"
                    " SELECT seq, held FROM given WHERE held <> '')"
                    " INSERT INTO order_tools.reservations (seq, order_id, outcome, decided_at,"
                    " is_noted, ending, ended_at, trace, end_trace) OVERRIDING SYSTEM VALUE"
                    " SELECT seq, id, CASE outcome WHEN 1 THEN 'RESERVED' ELSE 'FAILED' END, at,"
                    " is_noted <> 0, CASE ending WHEN 3 THEN 'RELEASED' WHEN 4 THEN 'HANDED_OVER'"
                    " WHEN 5 THEN 'CANCELLED' END, nullif(ended_at, to_timestamp(0)),"
                    " nullif(trace, ''), nullif(end_trace, '') FROM given",
           .end = CONTINUE("order_tools.reservations")},
          {.count = "SELECT count(*) FROM order_tools.stock",
           .read = "SELECT sku, on_hand, reserved, handed_over FROM order_tools.stock"
                   " WHERE sku > $1 ORDER BY sku LIMIT $2",
           /* Is not booked: the movements come along. */
           .write = "WITH quiet AS MATERIALIZED"
                    " (SELECT set_config('order_tools.migrates', 'yes', true))"
                    " INSERT INTO order_tools.stock (sku, on_hand, reserved, handed_over)"
                    " SELECT given.* FROM quiet,"
                    " unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS given"},
          {.count = "SELECT count(*) FROM order_tools.movements",
           .read = "SELECT seq, sku, hour, put_in, taken_out, ordered, released, handed_over"
                   " FROM order_tools.movements WHERE seq > $1 ORDER BY seq LIMIT $2",
           .write = "INSERT INTO order_tools.movements (seq, sku, hour, put_in, taken_out,"
                    " ordered, released, handed_over) OVERRIDING SYSTEM VALUE"
                    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[],"
                    " $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])",
           .end = CONTINUE("order_tools.movements")}}},
    [MOVED_NOTIFIED] = {
        &postgres_notified_kind,
        {{.count = "SELECT count(*) FROM order_tools.notified",
          .read = "SELECT order_id, claimed_at, attempts,"
                  " CASE status WHEN 'TOLD' THEN 0 WHEN 'FREE' THEN 1 ELSE 2 END"
                  " FROM order_tools.notified WHERE order_id > $1 ORDER BY order_id LIMIT $2",
          .write = "INSERT INTO order_tools.notified"
                   " (order_id, status, attempts, claimed_at, run)"
                   " SELECT id, CASE standing WHEN 0 THEN 'TOLD' WHEN 1 THEN 'FREE'"
                   " ELSE 'CLAIMED' END, attempts, at, CASE standing WHEN 2 THEN 0 END"
                   " FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[])"
                   " AS given (id, at, attempts, standing)"}}}};

const struct mover_kind *postgres_mover_kind(enum moved_domain domain)
{
    return &kinds[domain];
}
