/* ledger_ends: a decision: orders that end, which are released or handed over. */
#include "base/clock.h"
#include "base/memory.h"
#include "postgres/ledger.h"

#include <stdlib.h>
#include <string.h>

/* Entries that one look for expired orders reads: some milliseconds. */
#define EXPIRE_STEP "10000"

/* As failed: that is what programs of version 1 are to know of it. In the order of ids, as orders
 * are claimed. */
#define CANCEL                                                                               \
    "INSERT INTO order_tools.reservations (order_id, outcome, decided_at, is_noted, ending," \
    " ended_at) SELECT id, 'FAILED', now(), true, 'CANCELLED', now()"                        \
    " FROM (SELECT DISTINCT id COLLATE \"C\" AS id FROM unnest($1::text[]) AS listed (id))"  \
    " AS given ORDER BY id ON CONFLICT (order_id) DO NOTHING RETURNING order_id"

#define HELD                                                  \
    " LEFT JOIN LATERAL (SELECT held FROM order_tools.held h" \
    " WHERE h.seq = r.seq LIMIT 1) h ON true"

#define OUTCOME OUTCOME_NUMBER("coalesce(r.ending, r.outcome)")

/* Locked in the order of ids; each looked up by its key, as in ledger_claim.c. */
#define FIND                                                                                \
    "SELECT given.place, r.seq, " OUTCOME ", r.is_noted, coalesce(h.held, ''), r.trace"     \
    " FROM (SELECT id, place FROM unnest($1::text[]) WITH ORDINALITY AS listed (id, place)" \
    " ORDER BY id COLLATE \"C\", place) AS given"                                           \
    " CROSS JOIN LATERAL (SELECT seq, outcome, ending, is_noted, trace"                     \
    " FROM order_tools.reservations"                                                        \
    " WHERE order_id = given.id LIMIT 1 FOR NO KEY UPDATE) r" HELD

/* $2 is an age in milliseconds, by the clock of the database. */
#define IS_EXPIRED                            \
    "outcome = 'RESERVED' AND ending IS NULL" \
    " AND decided_at < now() - $2::bigint * interval '1 millisecond'"

#define SEE_EXPIRED                                                                     \
    "WITH seen AS MATERIALIZED (SELECT seq, outcome, ending, decided_at"                \
    " FROM order_tools.reservations WHERE seq > $1 ORDER BY seq LIMIT " EXPIRE_STEP ")" \
    " SELECT coalesce(max(seq), 0), coalesce(bool_or(" IS_EXPIRED "), false) FROM seen"

/* Those that others have locked are about to end. */
#define LIST_EXPIRED                                                                            \
    "SELECT 0::bigint, r.seq, 1::bigint, r.is_noted, coalesce(h.held, ''), r.trace,"            \
    " r.order_id"                                                                               \
    " FROM order_tools.reservations r" HELD " WHERE r.seq > $1 AND r.seq <= $3 AND " IS_EXPIRED \
    " ORDER BY r.seq LIMIT $4 FOR NO KEY UPDATE OF r SKIP LOCKED"

struct ending {
    struct postgres_ledger *ledger;
    enum ledger_outcome ending;
    struct ledger_end *ends;
    size_t count;
    size_t max;     /* of expired ones: at most so many, */
    int64_t age_ms; /* of that age, */
    int64_t last;   /* up to this entry, the last of the step */
};

/* ---- those that are named ---- */

/* Reads a row, but for order_id. */
static void read_end(struct postgres_ledger *ledger, const PGresult *result, int row,
                     struct ledger_end *end)
{
    end->outcome = (enum ledger_outcome)result_int(result, row, 2);
    if (end->outcome != LEDGER_RESERVED)
        return;
    end->key = result_int(result, row, 1) + LEDGER_END_KEY;
    end->is_noted = result_bool(result, row, 3);
    if (*libpq.PQgetvalue(result, row, 4) != '\0')
        end->held = ledger_text_of(result, row, 4);
    end->trace = ledger_trace_of(result, row, 5);
    ledger_keys_add(&ledger->claimed, end->key);
    ledger->undecided++;
}

/* Copies of an order follow each other. */
static void read_ends(struct ending *ending, const PGresult *found)
{
    int64_t before = 0;

    for (int row = 0; row < libpq.PQntuples(found); row++) {
        struct ledger_end *end = &ending->ends[result_int(found, row, 0) - 1];
        int64_t seq = result_int(found, row, 1);

        if (seq == before && result_int(found, row, 2) == LEDGER_RESERVED)
            end->outcome = ending->ending;
        else
            read_end(ending->ledger, found, row, end);
        before = seq;
    }
}

/* Of an order that stands twice in the batch, the first was unknown. */
static void read_cancelled(struct ending *ending, const PGresult *cancelled)
{
    for (int row = 0; row < libpq.PQntuples(cancelled); row++) {
        struct ledger_end *end = ending->ends;

        while (strcmp(end->order_id, libpq.PQgetvalue(cancelled, row, 0)) != 0)
            end++;
        end->outcome = LEDGER_UNKNOWN;
    }
}

static bool claim_ends(struct session *session, void *context)
{
    struct ending *ending = context;
    struct parameter ids = parameter_array(&ending->ledger->arrays[0]);
    bool cancels = ending->ending == LEDGER_RELEASED;
    size_t cancelled = 0;
    size_t found;

    if (!decision_join(ending->ledger))
        return true;
    if (cancels)
        cancelled = session_add(session, CANCEL, &ids, 1);
    found = session_add(session, FIND, &ids, 1);
    if (!session_land(session))
        return false;
    read_ends(ending, session_result(session, found));
    if (cancels)
        read_cancelled(ending, session_result(session, cancelled));
    return true;
}

enum exit_code postgres_ledger_claim_ends(struct ledger *base, enum ledger_outcome ending,
                                          struct ledger_end *ends, size_t count)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct ending claim = {.ledger = ledger, .ending = ending, .ends = ends, .count = count};
    enum exit_code code;

    array_start(&ledger->arrays[0], ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        ends[i] = (struct ledger_end){.order_id = ends[i].order_id};
        array_text(&ledger->arrays[0], ends[i].order_id, strlen(ends[i].order_id));
    }
    code = decision_went(ledger,
                         session_do(ledger->session, "claim orders that end", claim_ends, &claim));
    ledger->is_deciding = code == EXIT_OK;
    return code;
}

/* ---- expired ones ---- */

static bool see_expired(struct session *session, struct ending *ending, bool *some)
{
    struct parameter_int room[2];
    const struct parameter parameters[] = {parameter_int(ending->ledger->expired_up_to, &room[0]),
                                           parameter_int(ending->age_ms, &room[1])};
    size_t place;

    if (!session_read(session, SEE_EXPIRED, parameters, 2, &place))
        return false;
    ending->last = result_int(session_result(session, place), 0, 0);
    *some = result_bool(session_result(session, place), 0, 1);
    return true;
}

static void read_expired(struct ending *ending, const PGresult *listed)
{
    ending->count = (size_t)libpq.PQntuples(listed);
    for (size_t i = 0; i < ending->count; i++) {
        ending->ends[i] = (struct ledger_end){.order_id = ledger_text_of(listed, (int)i, 6)};
        read_end(ending->ledger, listed, (int)i, &ending->ends[i]);
    }
}

static bool claim_expired(struct session *session, void *context)
{
    struct ending *ending = context;
    struct postgres_ledger *ledger = ending->ledger;
    struct parameter_int room[4];
    bool some;
    size_t place;

    /* Nearly always there is none, and no lock is taken. */
    if (!see_expired(session, ending, &some))
        return false;
    if (!some || !decision_join(ledger))
        return true;
    place = session_add(session, LIST_EXPIRED,
                        (struct parameter[]){parameter_int(ledger->expired_up_to, &room[0]),
                                             parameter_int(ending->age_ms, &room[1]),
                                             parameter_int(ending->last, &room[2]),
                                             parameter_int((int64_t)ending->max, &room[3])},
                        4);
    if (!session_land(session))
        return false;
    read_expired(ending, session_result(session, place));
    return true;
}

enum exit_code postgres_ledger_claim_expired(struct ledger *base, int64_t before_ms,
                                             struct ledger_end *ends, size_t max, size_t *count,
                                             bool *at_end)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct ending claim = {.ledger = ledger,
                           .ending = LEDGER_RELEASED,
                           .ends = ends,
                           .max = max,
                           .age_ms = clock_utc_ms() - before_ms};
    enum exit_code code = decision_went(
        ledger, session_do(ledger->session, "claim expired orders", claim_expired, &claim));

    *count = code == EXIT_OK ? claim.count : 0;
    *at_end = claim.last == 0;
    ledger->is_deciding = code == EXIT_OK && *count > 0;
    /* Another run may have been quicker. */
    if (!ledger->is_deciding)
        session_roll_back(ledger->session);
    if (code == EXIT_OK)
        ledger->expired_up_to = *count > 0 ? ends[*count - 1].key - LEDGER_END_KEY : claim.last;
    return code;
}
