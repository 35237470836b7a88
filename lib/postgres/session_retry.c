/* session_retry: connecting, and doing work again and again. */
#include "base/clock.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "base/wait.h"
#include "postgres/session_private.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS_SOON 500 /* for one that never waits, and has just begun to connect */
#define CONNECT_MS_STOPPING 1000
#define CONFLICTS_MAX 100 /* in a row, of one call */
#define PAUSE_MAX_MS 500

/* ---- connecting ---- */

/* Waits until the attempt has ended, at most for ms unless that is negative; and not for long once
 * a stop is requested, but long enough to record what was done if the database is there. Returns
 * whether it has ended. */
static bool await_attempt(const struct session *session, int64_t ms)
{
    int descriptor = attempt_descriptor(session->attempt);
    int64_t until_ms = ms < 0 ? INT64_MAX : clock_monotonic_ms() + ms;
    bool is_stopping = false;

    while (!wait_is_ready(descriptor, POLLIN)) {
        int64_t now_ms = clock_monotonic_ms();

        if (stop_requested() && !is_stopping) {
            is_stopping = true;
            if (until_ms - now_ms > CONNECT_MS_STOPPING)
                until_ms = now_ms + CONNECT_MS_STOPPING;
        }
        if (now_ms >= until_ms)
            return false;
        wait_for(descriptor, POLLIN, until_ms == INT64_MAX ? -1 : (int)(until_ms - now_ms),
                 !is_stopping);
    }
    return true;
}

/* One that never waits gives an attempt its time once, so that whoever comes first after the
 * database is back gets an answer. Whoever comes while an attempt goes on does not wait for a
 * database that is known to be away, nor does one that only rests. */
static int64_t connect_ms(const struct session *session, bool has_just_begun)
{
    if (!session_never_waits(session))
        return -1;
    if (session->is_away && (!has_just_begun || session->is_resting))
        return 0;
    return CONNECT_MS_SOON;
}

static bool connect_session(struct session *session)
{
    struct attempt *attempt;
    bool has_begun = session->attempt != NULL;

    if (session->flight.connection != NULL)
        return true;
    session->is_fresh = true;
    if (!has_begun && session_never_waits(session) &&
        clock_monotonic_ms() < session->next_attempt_ms)
        return session_fail(session, FAULT_AWAY, session->away_reason);
    if (!has_begun)
        session->attempt = attempt_begin(session->address);
    if (session->attempt == NULL)
        return session_fail(session, FAULT_AWAY, "there is no room for a thread");
    if (!await_attempt(session, connect_ms(session, !has_begun)))
        return session_fail(session, FAULT_AWAY,
                            stop_requested() ? "asked to stop" : "it does not answer");
    attempt = session->attempt;
    session->attempt = NULL;
    if (flight_open(&session->flight, attempt_end(attempt)))
        return true;
    session->next_attempt_ms = clock_monotonic_ms() + (int64_t)session->patience.delay_s * 1000;
    memcpy(session->away_reason, session->flight.fault.reason, sizeof session->away_reason);
    return false;
}

/* ---- trying again ---- */

/* What became of one call so far. */
struct tries {
    int away;
    int conflicts;
    bool has_reconnected;
    int64_t since_ms;
};

static bool give_up(struct session *session, const char *what)
{
    report("cannot %s in PostgreSQL '%s': %s", what, session->address->name,
           session->flight.fault.reason);
    return false;
}

static bool give_up_after(struct session *session, const char *what, int attempts)
{
    if (attempts == 1)
        return give_up(session, what);
    report("cannot %s in PostgreSQL '%s': %s; giving up after %d attempts", what,
           session->address->name, session->flight.fault.reason, attempts);
    return false;
}

static bool explain_rights(struct session *session, const char *what)
{
    report("cannot %s in PostgreSQL '%s': %s; share/order-tools/postgresql.sql makes and "
           "upgrades the tables, and says which rights are needed",
           what, session->address->name, session->flight.fault.reason);
    return false;
}

static void pause_for(int64_t ms)
{
    int64_t until_ms = clock_monotonic_ms() + ms;
    int64_t left_ms;

    while (!stop_requested() && (left_ms = until_ms - clock_monotonic_ms()) > 0) {
        supervisor_progress();
        wait_for(-1, 0, (int)left_ms, true);
    }
}

/* Of transactions that were in conflict each waits for a time of its own. */
static int64_t jitter_ms(int conflicts)
{
    int64_t most = conflicts < 8 ? INT64_C(2) << conflicts : PAUSE_MAX_MS;

    return 1 + (clock_monotonic_us() + (int64_t)getpid() * 7919) % most;
}

static bool try_after_conflict(struct session *session, const char *what, struct tries *tries)
{
    bool is_late = session_never_waits(session) &&
                   clock_monotonic_ms() - tries->since_ms > SESSION_ANSWER_MS_SOON;

    if (++tries->conflicts > CONFLICTS_MAX || is_late || stop_requested())
        return give_up(session, what);
    pause_for(jitter_ms(tries->conflicts));
    return true;
}

static void note_away(struct session *session)
{
    if (!session->is_away)
        report_warning("PostgreSQL '%s' is away: %s; trying again every %d s",
                       session->address->name, session->flight.fault.reason,
                       session->patience.delay_s);
    session->is_away = true;
    supervisor_status(SUPERVISOR_STORE, "waiting for PostgreSQL '%s': %s", session->address->name,
                      session->flight.fault.reason);
}

static bool try_after_loss(struct session *session, const char *what, struct tries *tries)
{
    /* A connection that was not used for a while may be gone though the database is there. */
    if (!session->is_fresh && !tries->has_reconnected && !session->flight.is_unanswered) {
        tries->has_reconnected = true;
        return true;
    }
    if (session_never_waits(session)) {
        note_away(session);
        return false;
    }
    if (++tries->away >= session->patience.attempts || stop_requested())
        return give_up_after(session, what, tries->away);
    note_away(session);
    pause_for((int64_t)session->patience.delay_s * 1000);
    return !stop_requested() || give_up_after(session, what, tries->away);
}

/* After a failure: returns whether to do the work once more. Reports why not. */
static bool try_again(struct session *session, const char *what, struct tries *tries)
{
    /* Nobody waits for it, and it is asked for again and again: one word is enough. */
    if (session->is_resting) {
        note_away(session);
        return false;
    }
    switch (session->flight.fault.kind) {
    case FAULT_RUN_LOST:
    case FAULT_CONFLICT:
        return try_after_conflict(session, what, tries);
    case FAULT_AWAY:
        return try_after_loss(session, what, tries);
    case FAULT_RIGHTS:
        return explain_rights(session, what);
    default:
        return give_up(session, what);
    }
}

/* What is left of a transaction that failed. */
static void clean_up(struct session *session)
{
    if (session->run != NULL)
        run_doubt(session->run);
    if (session->flight.fault.kind == FAULT_AWAY)
        flight_close(&session->flight);
    session_roll_back(session);
}

static void note_success(struct session *session)
{
    if (session->is_away) {
        report_notice("PostgreSQL '%s' is back", session->address->name);
        supervisor_status(SUPERVISOR_STORE, "%s", "");
    }
    session->is_away = false;
    session->is_fresh = false;
}

void session_renew_by(struct session *session, session_work *renewal, void *context)
{
    session->renewal = renewal;
    session->renewal_context = context;
}

/* The work that follows is in doubt if its own commit is. */
static bool renew(struct session *session)
{
    bool is_in_doubt = session->is_in_doubt;
    bool done = !session->is_fresh || session->renewal == NULL ||
                session->renewal(session, session->renewal_context);

    session->is_in_doubt = is_in_doubt;
    return done;
}

enum exit_code session_do(struct session *session, const char *what, session_work *work,
                          void *context)
{
    struct tries tries = {.since_ms = clock_monotonic_ms()};

    session->may_pass = false;
    session->is_in_doubt = false;
    while (!connect_session(session) || !renew(session) || !work(session, context)) {
        clean_up(session);
        if (try_again(session, what, &tries))
            continue;
        session->may_pass = session->flight.fault.kind == FAULT_AWAY ||
                            session->flight.fault.kind == FAULT_CONFLICT;
        return EXIT_STORE;
    }
    note_success(session);
    return EXIT_OK;
}

/* A session_work: what session_do() begins with is all. */
static bool rest(struct session *session, void *context)
{
    (void)session;
    (void)context;
    return true;
}

void session_rest(struct session *session)
{
    int64_t now_ms;

    if (!session->is_fresh && !flight_is_lost(&session->flight))
        return;
    now_ms = clock_monotonic_ms();
    if (now_ms < session->next_attempt_ms)
        return;
    if (!session->is_fresh)
        flight_close(&session->flight);
    session->is_resting = true;
    if (session_do(session, "connect again", rest, NULL) != EXIT_OK)
        session->next_attempt_ms = now_ms + (int64_t)session->patience.delay_s * 1000;
    session->is_resting = false;
}

bool session_look(struct session *session, session_work *work, void *context)
{
    if (session->is_fresh || session_in_transaction(session) || flight_is_lost(&session->flight))
        return false;
    if (work(session, context))
        return true;
    clean_up(session);
    return false;
}

bool session_may_pass(const struct session *session)
{
    return session->may_pass;
}

bool session_is_in_doubt(const struct session *session)
{
    return session->is_in_doubt;
}

bool session_never_waits(const struct session *session)
{
    return session->is_resting || (session->is_open && session->patience.never_waits);
}
