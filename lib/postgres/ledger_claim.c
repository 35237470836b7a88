/* ledger_claim: what a decision claims: orders, and events that are owed. */
#include "base/memory.h"
#include "postgres/ledger.h"

#include <stdlib.h>
#include <string.h>

#define RUN_RELEASED "0" /* of events whose run has ended in good order */

/* Each id once, with the place where it stands first. */
#define GIVEN                                                    \
    "WITH given AS MATERIALIZED (SELECT id, min(place) AS place" \
    " FROM unnest($1::text[]) WITH ORDINALITY AS listed (id, place) GROUP BY id)"

#define NEXT_NUMBER NEXT_SEQ("order_tools.reservations")

/* In the order of ids, so that two that claim the same orders do not wait for each other; they are
 * numbered in the order of the batch before. Recorded as reserved, as most orders will be; the
 * commit corrects the others. The time is that of the database, since the clocks of workers
 * differ. */
#define CLAIM                                                                                  \
    GIVEN                                                                                      \
    ", numbered AS MATERIALIZED (SELECT"                                                       \
    " " NEXT_NUMBER " AS seq, id, place"                                                       \
    " FROM (SELECT id, place FROM given ORDER BY place) AS ordered),"                          \
    " added AS (INSERT INTO order_tools.reservations (seq, order_id, outcome, decided_at,"     \
    " is_noted) OVERRIDING SYSTEM VALUE SELECT seq, id, 'RESERVED', now(), true FROM numbered" \
    " ORDER BY id COLLATE \"C\" ON CONFLICT (order_id) DO NOTHING RETURNING seq)"              \
    " SELECT numbered.place, seq FROM added JOIN numbered USING (seq)"

/* Orders that were cancelled before they came, as known when CLAIM has waited for those that record
 * that. Nearly always there is none. */
#define ARRIVE                                                                               \
    "UPDATE order_tools.reservations SET ending = NULL, ended_at = NULL, decided_at = now()" \
    " WHERE seq = ANY (ARRAY (SELECT seq FROM order_tools.reservations"                      \
    " WHERE order_id = ANY ($1::text[]) AND ending = 'CANCELLED'"                            \
    " ORDER BY order_id FOR NO KEY UPDATE)) RETURNING seq, order_id"

/* What the event taken of the order r announces. */
#define ANNOUNCED(event) \
    OUTCOME_NUMBER("CASE WHEN " event ".seq < " LEDGER_END " THEN r.outcome ELSE r.ending END")

/* The context that the event carries. */
#define TRACE_OF(event) "CASE WHEN " event ".seq < " LEDGER_END " THEN r.trace ELSE r.end_trace END"

/* Nobody publishes the event o: $2 is this run, $3 the keys in doubt. */
#define IS_FREE "(" RUN_IS_OVER("o.run") " OR (o.run = $2 AND o.seq = ANY ($3::bigint[])))"

/*
 * Another may have taken it between the two looks at its run.
 *
 * Here and in RECALL each row is looked up by its key: a LIMIT keeps the planner, which expects
 * many rows of an array, from reading the whole table instead.
 */
#define TAKE_OVER                                                                                \
    " taken AS (UPDATE order_tools.outbox SET run = $2 FROM owed"                                \
    " WHERE outbox.seq = owed.seq AND outbox.run = owed.run"                                     \
    " AND outbox.seq = ANY (ARRAY (SELECT seq FROM owed))"                                       \
    " RETURNING owed.place, outbox.seq, outbox.event, owed.run = " RUN_RELEASED " AS is_logged)" \
    " SELECT taken.place, taken.seq, " ANNOUNCED(                                                \
        "taken") ", taken.event, taken.is_logged,"                                               \
                 " r.order_id, " TRACE_OF(                                                       \
                     "taken") " FROM taken CROSS JOIN LATERAL"                                   \
                              " (SELECT outcome, ending, order_id, trace, end_trace"             \
                              " FROM order_tools.reservations r WHERE r.seq = " ORDER_OF_EVENT(  \
                                  "taken.seq") " LIMIT 1) r"                                     \
                                               " ORDER BY taken.seq"

/* What is known of the orders and free: it sees what was recorded while CLAIM waited. */
#define RECALL                                                                              \
    GIVEN ", owed AS MATERIALIZED (SELECT given.place, o.seq, o.run FROM given"             \
          " CROSS JOIN LATERAL (SELECT r.seq FROM order_tools.reservations r"               \
          " WHERE r.order_id = given.id LIMIT 1) r CROSS JOIN LATERAL (SELECT o.seq, o.run" \
          " FROM order_tools.outbox o WHERE o.seq = r.seq LIMIT 1) o"                       \
          " WHERE " IS_FREE " ORDER BY o.seq)," TAKE_OVER

#define SEE_FREE \
    "SELECT EXISTS (SELECT 1 FROM order_tools.outbox o WHERE o.seq > $1 AND " IS_FREE ")"

#define LIST_FREE                                                        \
    "WITH owed AS MATERIALIZED (SELECT 0::bigint AS place, o.seq, o.run" \
    " FROM order_tools.outbox o WHERE o.seq > $1 AND " IS_FREE           \
    " ORDER BY o.seq LIMIT $4)," TAKE_OVER

#define LIST_OWN                                                                          \
    "SELECT 0::bigint, o.seq, " ANNOUNCED("o") ", o.event, false, r.order_id, " TRACE_OF( \
        "o") " FROM order_tools.outbox o JOIN order_tools.reservations r"                 \
             " ON r.seq = " ORDER_OF_EVENT("o.seq") " WHERE o.run = $2 AND o.seq > $1"    \
                                                    " ORDER BY o.seq LIMIT $3"

/* ---- the transaction ---- */

bool decision_join(struct postgres_ledger *ledger)
{
    ledger->is_lost = ledger->is_deciding && !session_in_transaction(ledger->session);
    if (ledger->is_deciding)
        return !ledger->is_lost;
    session_begin(ledger->session, ledger->run);
    session_hold(ledger->session);
    return true;
}

static void end_decision(struct postgres_ledger *ledger)
{
    ledger->is_deciding = false;
    ledger->is_lost = false;
    ledger->undecided = 0;
    ledger->claimed.count = 0;
}

enum exit_code decision_went(struct postgres_ledger *ledger, enum exit_code code)
{
    if (code == EXIT_OK && !ledger->is_lost)
        return EXIT_OK;
    ledger_keys_join(&ledger->doubted, &ledger->claimed);
    /* Orders that have expired, and were claimed, may not have ended. */
    ledger->expired_up_to = 0;
    postgres_ledger_abandon(&ledger->ledger);
    return code == EXIT_OK ? EXIT_PENDING : code;
}

void postgres_ledger_abandon(struct ledger *base)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;

    if (ledger->is_deciding)
        session_roll_back(ledger->session);
    end_decision(ledger);
}

/* ---- claiming orders ---- */

struct claiming {
    struct postgres_ledger *ledger;
    struct ledger_claim *claims;
    size_t count;
    enum ledger_owner owner; /* of events, */
    int64_t after;
};

/* Reads a row of TAKE_OVER, but not order_id. */
static void read_event(struct postgres_ledger *ledger, const PGresult *result, int row,
                       struct ledger_claim *claim)
{
    claim->standing = LEDGER_UNSENT;
    claim->key = result_int(result, row, 1);
    claim->outcome = (enum ledger_outcome)result_int(result, row, 2);
    claim->event = ledger_text_of(result, row, 3);
    claim->trace = ledger_trace_of(result, row, 6);
    claim->is_logged = result_bool(result, row, 4);
    ledger_keys_add(&ledger->claimed, claim->key);
}

static void set_new(struct postgres_ledger *ledger, struct ledger_claim *claim, int64_t key)
{
    claim->standing = LEDGER_NEW;
    claim->key = key;
    claim->outcome = LEDGER_UNKNOWN;
    ledger_keys_add(&ledger->claimed, key);
    ledger->undecided++;
}

/* Of an order that stands twice in the batch, the first is new. */
static void read_arrived(struct claiming *claiming, const PGresult *arrived, int row)
{
    struct ledger_claim *claim = claiming->claims;

    while (strcmp(claim->order_id, libpq.PQgetvalue(arrived, row, 1)) != 0)
        claim++;
    set_new(claiming->ledger, claim, result_int(arrived, row, 0));
    claim->is_cancelled = true;
}

static void read_claims(struct claiming *claiming, const PGresult *added, const PGresult *arrived,
                        const PGresult *recalled)
{
    struct postgres_ledger *ledger = claiming->ledger;

    for (size_t i = 0; i < claiming->count; i++) {
        claiming->claims[i].standing = LEDGER_HANDLED;
        claiming->claims[i].is_cancelled = false;
    }
    for (int row = 0; row < libpq.PQntuples(added); row++)
        set_new(ledger, &claiming->claims[result_int(added, row, 0) - 1],
                result_int(added, row, 1));
    for (int row = 0; row < libpq.PQntuples(arrived); row++)
        read_arrived(claiming, arrived, row);
    for (int row = 0; row < libpq.PQntuples(recalled); row++)
        read_event(ledger, recalled, row, &claiming->claims[result_int(recalled, row, 0) - 1]);
}

static bool claim_orders(struct session *session, void *context)
{
    struct claiming *claiming = context;
    struct postgres_ledger *ledger = claiming->ledger;
    struct parameter_int room;
    struct parameter ids = parameter_array(&ledger->arrays[0]);
    const struct parameter recall[] = {ids, parameter_int(run_number(ledger->run), &room),
                                       parameter_array(&ledger->doubts)};
    size_t added;
    size_t arrived;
    size_t recalled;

    if (!decision_join(ledger))
        return true;
    (void)session_add(session, RUNS_END_EXPIRED, NULL, 0);
    added = session_add(session, CLAIM, &ids, 1);
    arrived = session_add(session, ARRIVE, &ids, 1);
    recalled = session_add(session, RECALL, recall, 3);
    if (!session_land(session))
        return false;
    read_claims(claiming, session_result(session, added), session_result(session, arrived),
                session_result(session, recalled));
    return true;
}

enum exit_code postgres_ledger_claim(struct ledger *base, int64_t at_ms,
                                     struct ledger_claim *claims, size_t count)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct claiming claiming = {.ledger = ledger, .claims = claims, .count = count};
    enum exit_code code;

    (void)at_ms;
    array_start(&ledger->arrays[0], ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        claims[i].event = claims[i].trace = NULL;
        array_text(&ledger->arrays[0], claims[i].order_id, strlen(claims[i].order_id));
    }
    ledger_keys_array(&ledger->doubted, &ledger->doubts);
    code =
        decision_went(ledger, session_do(ledger->session, "claim orders", claim_orders, &claiming));
    ledger->is_deciding = code == EXIT_OK;
    return code;
}

/* ---- claiming events ---- */

static void read_events(struct claiming *claiming, const PGresult *result)
{
    claiming->count = (size_t)libpq.PQntuples(result);
    for (size_t i = 0; i < claiming->count; i++) {
        read_event(claiming->ledger, result, (int)i, &claiming->claims[i]);
        claiming->claims[i].order_id = ledger_text_of(result, (int)i, 5);
    }
}

/* One process after the other: the row of the version is the lock. */
static size_t add_list_free(struct postgres_ledger *ledger, const struct parameter *parameters)
{
    (void)session_add(ledger->session,
                      "SELECT 1 FROM order_tools.version WHERE domain = 'ledger' FOR UPDATE", NULL,
                      0);
    (void)session_add(ledger->session, RUNS_END_EXPIRED, NULL, 0);
    return session_add(ledger->session, LIST_FREE, parameters, 4);
}

static bool see_free(struct session *session, const struct parameter *parameters, bool *some)
{
    size_t place;

    if (!session_read(session, SEE_FREE, parameters, 3, &place))
        return false;
    *some = result_bool(session_result(session, place), 0, 0);
    return true;
}

static bool claim_events(struct session *session, void *context)
{
    struct claiming *claiming = context;
    struct postgres_ledger *ledger = claiming->ledger;
    struct parameter_int room[3];
    struct parameter after = parameter_int(claiming->after, &room[0]);
    struct parameter run = parameter_int(run_number(ledger->run), &room[1]);
    struct parameter most = parameter_int((int64_t)claiming->count, &room[2]);
    const struct parameter own[] = {after, run, most};
    const struct parameter orphaned[] = {after, run, parameter_array(&ledger->doubts), most};
    bool is_orphaned = claiming->owner == LEDGER_ORPHANED;
    bool some = true;
    size_t place;

    /* Nearly always there is none, and no lock is taken. */
    if (is_orphaned && !ledger->is_deciding && !see_free(session, orphaned, &some))
        return false;
    if (!some) {
        claiming->count = 0;
        return true;
    }
    if (!decision_join(ledger))
        return true;
    place = is_orphaned ? add_list_free(ledger, orphaned) : session_add(session, LIST_OWN, own, 3);
    if (!session_land(session))
        return false;
    read_events(claiming, session_result(session, place));
    return true;
}

enum exit_code postgres_ledger_claim_unsent(struct ledger *base, enum ledger_owner owner,
                                            int64_t after, struct ledger_claim *claims, size_t max,
                                            size_t *count)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct claiming claiming = {
        .ledger = ledger, .claims = claims, .count = max, .owner = owner, .after = after};
    bool was_deciding = ledger->is_deciding;
    enum exit_code code;

    ledger_keys_array(&ledger->doubted, &ledger->doubts);
    code = decision_went(
        ledger, session_do(ledger->session, "claim events that are owed", claim_events, &claiming));
    *count = code == EXIT_OK ? claiming.count : 0;
    ledger->is_deciding = code == EXIT_OK && (was_deciding || *count > 0);
    /* Another run may have been quicker. */
    if (!ledger->is_deciding)
        session_roll_back(ledger->session);
    return code;
}
