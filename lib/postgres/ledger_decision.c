/* ledger_decision: the commit of a decision, and what is recorded without one. */
#include "base/clock.h"
#include "base/report.h"
#include "postgres/ledger.h"

#include <string.h>

/* Entries that one commit looks at, to forget old ones: more than two batches of the default size
 * add. */
#define FORGET_STEP "1000"

#define OWE                                            \
    "INSERT INTO order_tools.outbox (seq, run, event)" \
    " SELECT seq, $3::bigint, event FROM unnest($1::bigint[], $2::text[]) AS owed (seq, event)"

#define FAIL "UPDATE order_tools.reservations SET outcome = 'FAILED' WHERE seq = ANY ($1::bigint[])"

#define HOLD                                   \
    "INSERT INTO order_tools.held (seq, held)" \
    " SELECT seq, held FROM unnest($1::bigint[], $2::text[]) AS given (seq, held)"

#define END                                                                              \
    "UPDATE order_tools.reservations SET ending = $2, ended_at = now() WHERE seq = ANY " \
    "($1::bigint[])"

/* Each is looked up by its key, as in ledger_claim.c. */
#define KEEP_TRACES(column)                                          \
    "UPDATE order_tools.reservations r SET " column " = given.trace" \
    " FROM unnest($1::bigint[], $2::text[]) AS given (seq, trace)"   \
    " WHERE r.seq = given.seq AND r.seq = ANY ($1::bigint[])"

#define LET_GO "DELETE FROM order_tools.held WHERE seq = ANY ($1::bigint[])"

/* What another run has taken over is that run's to mark. */
#define MARK_SENT "DELETE FROM order_tools.outbox WHERE seq = ANY ($1::bigint[]) AND run = $2"

/* From where the last one has ended: what was deleted before would be read again and again. The age
 * counts by the clock of the database, by which claims are dated. */
#define FORGET                                                                        \
    "WITH seen AS MATERIALIZED (SELECT seq, decided_at FROM order_tools.reservations" \
    " WHERE seq > $1 ORDER BY seq LIMIT " FORGET_STEP "),"                            \
    " gone AS (DELETE FROM order_tools.reservations"                                  \
    " WHERE seq = ANY (ARRAY (SELECT seq FROM seen"                                   \
    " WHERE decided_at < now() - $2::bigint * interval '1 millisecond'"               \
    " AND NOT EXISTS (SELECT 1 FROM order_tools.outbox o WHERE o.seq = seen.seq)"     \
    " AND NOT EXISTS (SELECT 1 FROM order_tools.outbox o"                             \
    " WHERE o.seq = seen.seq + " LEDGER_END ")"                                       \
    " AND NOT EXISTS (SELECT 1 FROM order_tools.held h WHERE h.seq = seen.seq))))"    \
    " SELECT max(seq) FROM seen"

#define NOTHING SIZE_MAX

/* ---- what was confirmed ---- */

/* Returns the place of FORGET, or NOTHING. */
static size_t add_forget(struct postgres_ledger *ledger, int64_t before_ms)
{
    struct parameter_int room[2];
    const struct parameter parameters[] = {parameter_int(ledger->swept_up_to, &room[0]),
                                           parameter_int(clock_utc_ms() - before_ms, &room[1])};

    return before_ms > 0 ? session_add(ledger->session, FORGET, parameters, 2) : NOTHING;
}

static void add_marks(struct postgres_ledger *ledger, const struct array *keys)
{
    struct parameter_int room;
    const struct parameter parameters[] = {parameter_array(keys),
                                           parameter_int(run_number(ledger->run), &room)};

    (void)session_add(ledger->session, MARK_SENT, parameters, 2);
}

/* Adds the statements that record it. Returns as add_forget() does. */
static size_t add_sent(struct postgres_ledger *ledger, const struct ledger_sent *sent)
{
    array_start(&ledger->arrays[0], ARRAY_INT);
    for (size_t i = 0; i < sent->count; i++)
        array_int(&ledger->arrays[0], sent->keys[i]);
    if (sent->count > 0)
        add_marks(ledger, &ledger->arrays[0]);
    return add_forget(ledger, sent->forget_before_ms);
}

/* After the commit: the next look begins where this one has ended and, after the last entries, at
 * the first. */
static void sweep_on(struct postgres_ledger *ledger, size_t place)
{
    if (place != NOTHING)
        ledger->swept_up_to = result_int(session_result(ledger->session, place), 0, 0);
}

/* ---- the decision ---- */

static void add_owed(struct postgres_ledger *ledger, const struct ledger_commit *commit)
{
    struct array *keys = &ledger->arrays[0];
    struct array *events = &ledger->arrays[1];
    struct parameter_int room;

    array_start(keys, ARRAY_INT);
    array_start(events, ARRAY_TEXT);
    for (size_t i = 0; i < commit->decision_count; i++) {
        const struct ledger_decision *decision = &commit->decisions[i];

        array_int(keys, decision->key);
        array_text(events, decision->event, strlen(decision->event));
    }
    if (keys->count > 0)
        (void)session_add(ledger->session, OWE,
                          (struct parameter[]){parameter_array(keys), parameter_array(events),
                                               parameter_int(ledger_own_run(ledger), &room)},
                          3);
}

static void add_failed(struct postgres_ledger *ledger, const struct ledger_commit *commit)
{
    struct array *keys = &ledger->arrays[0];
    struct parameter parameter;

    array_start(keys, ARRAY_INT);
    for (size_t i = 0; i < commit->decision_count; i++)
        if (commit->decisions[i].outcome == LEDGER_FAILED)
            array_int(keys, commit->decisions[i].key);
    parameter = parameter_array(keys);
    if (keys->count > 0)
        (void)session_add(ledger->session, FAIL, &parameter, 1);
}

static void add_held(struct postgres_ledger *ledger, const struct ledger_commit *commit)
{
    struct array *keys = &ledger->arrays[0];
    struct array *held = &ledger->arrays[1];

    array_start(keys, ARRAY_INT);
    array_start(held, ARRAY_TEXT);
    for (size_t i = 0; i < commit->decision_count; i++) {
        const struct ledger_decision *decision = &commit->decisions[i];

        if (decision->held == NULL)
            continue;
        array_int(keys, decision->key);
        array_text(held, decision->held, strlen(decision->held));
    }
    if (keys->count > 0)
        (void)session_add(ledger->session, HOLD,
                          (struct parameter[]){parameter_array(keys), parameter_array(held)}, 2);
}

/* All that end in one decision end as the same. */
static void add_ends(struct postgres_ledger *ledger, const struct ledger_commit *commit)
{
    struct array *keys = &ledger->arrays[0];
    const char *ending = NULL;
    struct parameter parameters[2];

    array_start(keys, ARRAY_INT);
    for (size_t i = 0; i < commit->decision_count; i++) {
        const struct ledger_decision *decision = &commit->decisions[i];

        if (decision->key < LEDGER_END_KEY)
            continue;
        array_int(keys, decision->key - LEDGER_END_KEY);
        ending = decision->outcome == LEDGER_RELEASED ? "RELEASED" : "HANDED_OVER";
    }
    if (ending == NULL)
        return;
    parameters[0] = parameter_array(keys);
    parameters[1] = parameter_text(ending);
    (void)session_add(ledger->session, END, parameters, 2);
    (void)session_add(ledger->session, LET_GO, parameters, 1);
}

/* Adds the statement that keeps the contexts of outcomes or, with ends, of ends. */
static void add_traces(struct postgres_ledger *ledger, const struct ledger_commit *commit,
                       bool ends)
{
    struct array *keys = &ledger->arrays[0];
    struct array *traces = &ledger->arrays[1];

    array_start(keys, ARRAY_INT);
    array_start(traces, ARRAY_TEXT);
    for (size_t i = 0; i < commit->decision_count; i++) {
        const struct ledger_decision *decision = &commit->decisions[i];

        if (decision->trace == NULL || (decision->key >= LEDGER_END_KEY) != ends)
            continue;
        array_int(keys, ends ? decision->key - LEDGER_END_KEY : decision->key);
        array_text(traces, decision->trace, strlen(decision->trace));
    }
    if (keys->count > 0)
        (void)session_add(ledger->session, ends ? KEEP_TRACES("end_trace") : KEEP_TRACES("trace"),
                          (struct parameter[]){parameter_array(keys), parameter_array(traces)}, 2);
}

struct recording {
    struct postgres_ledger *ledger;
    const struct ledger_commit *commit;
};

static bool record_decision(struct session *session, void *context)
{
    struct recording *recording = context;
    struct postgres_ledger *ledger = recording->ledger;
    const struct ledger_commit *commit = recording->commit;
    size_t forget;

    if (!decision_join(ledger))
        return true;
    add_owed(ledger, commit);
    add_failed(ledger, commit);
    add_held(ledger, commit);
    add_ends(ledger, commit);
    add_traces(ledger, commit, false);
    add_traces(ledger, commit, true);
    ledger_add_moves(ledger, commit->levels, commit->level_count);
    forget = add_sent(ledger, &commit->sent);
    if (!session_commit(session))
        return false;
    sweep_on(ledger, forget);
    return true;
}

enum exit_code postgres_ledger_commit(struct ledger *base, const struct ledger_commit *commit)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct recording recording = {.ledger = ledger, .commit = commit};
    enum exit_code code;

    /* An order without an event would be lost silently. */
    if (commit->decision_count != ledger->undecided)
        die(EXIT_BUG, "%zu orders were claimed, and %zu decided", ledger->undecided,
            commit->decision_count);
    code = decision_went(
        ledger, session_do(ledger->session, "record decisions", record_decision, &recording));
    if (code == EXIT_OK) {
        array_start(&ledger->marked, ARRAY_INT);
        ledger_keys_remove(&ledger->doubted, &ledger->claimed);
        postgres_ledger_abandon(base);
    }
    return code;
}

/* ---- without a decision ---- */

struct marking {
    struct postgres_ledger *ledger;
    const struct ledger_sent *sent;
};

static bool mark(struct session *session, void *context)
{
    struct marking *marking = context;
    size_t forget;

    session_begin(session, NULL);
    session_relax(session);
    forget = add_sent(marking->ledger, marking->sent);
    if (!session_commit(session))
        return false;
    sweep_on(marking->ledger, forget);
    return true;
}

enum exit_code postgres_ledger_mark_sent(struct ledger *base, const struct ledger_sent *sent)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct marking marking = {.ledger = ledger, .sent = sent};
    enum exit_code code = session_do(ledger->session, "record what was confirmed", mark, &marking);

    for (size_t i = 0; i < sent->count && code == EXIT_OK; i++)
        array_int(&ledger->marked, sent->keys[i]);
    return code;
}

bool postgres_ledger_mark_again(struct session *session, void *context)
{
    struct postgres_ledger *ledger = context;

    if (ledger->marked.count == 0)
        return true;
    session_begin(session, NULL);
    session_relax(session);
    add_marks(ledger, &ledger->marked);
    return session_commit(session);
}

static bool release_all(struct session *session, void *context)
{
    struct postgres_ledger *ledger = context;
    struct parameter_int room;
    struct parameter run = parameter_int(run_number(ledger->run), &room);

    session_begin(session, NULL);
    session_relax(session);
    (void)session_add(session, "UPDATE order_tools.outbox SET run = 0 WHERE run = $1", &run, 1);
    return session_commit(session);
}

enum exit_code postgres_ledger_release(struct ledger *base)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;

    return session_do(ledger->session, "release events that are owed", release_all, ledger);
}
