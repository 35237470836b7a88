/* mover_kinds: what is special to a domain. */
#include "sqlite/ledger.h"
#include "sqlite/mover.h"
#include "sqlite/notified.h"
#include "sqlite/orders.h"

#define END_KEY "4611686018427387904" /* LEDGER_END_KEY */

/* What orders are looked up by is not moved: order-track lists them again. A run that has ended is
 * written as 0, or otherwise as that of which an event is logged: -1. */
static const struct mover_kind kinds[] = {
    [MOVED_ORDERS] =
        {&orders_kind,
         {{"SELECT count(*) FROM orders",
           "SELECT seq, order_id, placed_at, data,"
           " EXISTS (SELECT 1 FROM pending p WHERE p.seq = o.seq),"
           " coalesce((SELECT trace FROM pending p WHERE p.seq = o.seq), '')"
           " FROM orders o WHERE seq > ?1 ORDER BY seq LIMIT ?2",
           {"INSERT INTO orders (seq, order_id, placed_at, data) VALUES (?1, ?2, ?3, ?4)",
            "INSERT INTO pending (seq, run, trace) SELECT ?1, 0, nullif(?6, '') WHERE ?5 <> 0"}},
          {"SELECT count(*) FROM outcomes",
           "SELECT seq, status, coalesce(reason, ''), coalesce(reserved_at, 0),"
           " coalesce(failed_at, 0), coalesce(cancelled_at, 0), coalesce(handed_over_at, 0)"
           " FROM outcomes WHERE seq > ?1 ORDER BY seq LIMIT ?2",
           {"INSERT INTO outcomes"
            " (seq, status, reason, reserved_at, failed_at, cancelled_at, handed_over_at)"
            " VALUES (?1, ?2, nullif(?3, ''), nullif(?4, 0), nullif(?5, 0), nullif(?6, 0),"
            " nullif(?7, 0))"}},
          {"SELECT count(*) FROM cancellations",
           "SELECT seq, cancelled_at, reason, run IS NOT NULL, coalesce(trace, '')"
           " FROM cancellations"
           " WHERE seq > ?1 ORDER BY seq LIMIT ?2",
           {"INSERT INTO cancellations (seq, cancelled_at, reason, run, trace)"
            " SELECT ?1, ?2, ?3, CASE WHEN ?4 <> 0 THEN 0 END, nullif(?5, '')"}}}},
    [MOVED_LEDGER] =
        {&ledger_kind,
         {{"SELECT count(*) FROM handled",
           "SELECT h.seq, order_id, outcome, at, coalesce(o.event, ''), coalesce(o.run = -1, 0),"
           " noted, ending, coalesce(ended_at, 0), coalesce(held, ''), coalesce(e.event, ''),"
           " coalesce(e.run = -1, 0), coalesce(h.trace, ''), coalesce(h.end_trace, '')"
           " FROM handled h LEFT JOIN owed o USING (seq)"
           " LEFT JOIN owed e ON e.seq = h.seq + " END_KEY " LEFT JOIN held d ON d.seq = h.seq"
           " WHERE h.seq > ?1 ORDER BY h.seq LIMIT ?2",
           {"INSERT INTO handled (seq, order_id, outcome, at, noted, ending, ended_at,"
            " trace, end_trace) VALUES (?1, ?2, ?3, ?4, ?7, ?8, nullif(?9, 0), nullif(?13, ''),"
            " nullif(?14, ''))",
            "INSERT INTO owed (seq, run, event) SELECT ?1, -?6, ?5 WHERE ?5 <> ''",
            "INSERT INTO held (seq, held) SELECT ?1, ?10 WHERE ?10 <> ''",
            "INSERT INTO owed (seq, run, event) SELECT ?1 + " END_KEY ", -?12, ?11"
            " WHERE ?11 <> ''"}},
          /* Nothing is moved twice: what is booked here comes with the movements. */
          {"SELECT count(*) FROM stock",
           "SELECT sku, on_hand, reserved, handed_over FROM stock WHERE sku > ?1 ORDER BY sku"
           " LIMIT ?2",
           {"INSERT INTO stock (sku, on_hand, reserved, handed_over) VALUES (?1, ?2, ?3, ?4)",
            "DELETE FROM movements WHERE sku = ?1"}},
          {"SELECT count(*) FROM movements",
           "SELECT seq, sku, hour, put_in, taken_out, ordered, released, handed_over"
           " FROM movements WHERE seq > ?1 ORDER BY seq LIMIT ?2",
           {"INSERT INTO movements (seq, sku, hour, put_in, taken_out, ordered, released,"
            " handed_over) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"}}}},
    /* Those in doubt have a claim of a run that has ended. The claim of those that were told does
     * not exist, and that of free ones always does. */
    [MOVED_NOTIFIED] = {
        &notified_kind,
        {{"SELECT count(*) FROM told",
          "SELECT order_id, at, attempt,"
          " CASE WHEN run IS NULL THEN 0 WHEN run = 0 THEN 1 ELSE 2 END"
          " FROM told LEFT JOIN claims USING (claim)"
          " WHERE order_id > ?1 ORDER BY order_id LIMIT ?2",
          {"INSERT INTO told (order_id, at, attempt, claim) VALUES (?1, ?2, ?3, ?4)",
           "INSERT OR IGNORE INTO claims (claim, run) SELECT ?4, -1 WHERE ?4 = 2"}}}}};

const struct mover_kind *sqlite_mover_kind(enum moved_domain domain)
{
    return &kinds[domain];
}
