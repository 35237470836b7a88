#include "postgres/session.h"

#include "base/memory.h"
#include "postgres/address.h"
#include "postgres/session_private.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 30000
#define LEAVE_MS 3000
/* Less than an answer is waited for: a server does not notice that nobody waits for a lock any
 * more, and would do what was asked once it has it. */
#define LOCK_WAIT "SET LOCAL lock_timeout = '20s'"
#define LOCK_WAIT_SOON "SET LOCAL lock_timeout = '700ms'"

/* ---- transactions ---- */

bool session_fail(struct session *session, enum fault_kind kind, const char *reason)
{
    fault_set(&session->flight.fault, kind, reason);
    return false;
}

static void begin(struct session *session, const char *sql)
{
    (void)flight_add(&session->flight, sql, NULL, 0);
    (void)flight_add(&session->flight, session_never_waits(session) ? LOCK_WAIT_SOON : LOCK_WAIT,
                     NULL, 0);
    session->in_transaction = true;
}

void session_begin(struct session *session, struct run *run)
{
    begin(session, "BEGIN ISOLATION LEVEL READ COMMITTED");
    session->run = run;
    if (run != NULL)
        run_enter(run, &session->flight);
}

void session_extend(struct session *session)
{
    run_extend(session->run, &session->flight);
}

void session_hold(struct session *session)
{
    (void)flight_add(&session->flight, "SET LOCAL idle_in_transaction_session_timeout = '10s'",
                     NULL, 0);
}

void session_relax(struct session *session)
{
    (void)flight_add(&session->flight, "SET LOCAL synchronous_commit = off", NULL, 0);
}

size_t session_add(struct session *session, const char *sql, const struct parameter *parameters,
                   size_t count)
{
    return flight_add(&session->flight, sql, parameters, count);
}

bool session_land(struct session *session)
{
    return flight_land(&session->flight,
                       session_never_waits(session) ? SESSION_ANSWER_MS_SOON : ANSWER_MS);
}

bool session_commit(struct session *session)
{
    size_t place = flight_add(&session->flight, "COMMIT", NULL, 0);
    bool has_landed = session_land(session);

    /* What was committed stays so, even if what follows in the same call fails. */
    if (has_landed || (session->flight.connection == NULL && !session->flight.is_unsent))
        session->is_in_doubt = session->is_in_doubt || session->run != NULL;
    if (!has_landed)
        return false;
    session->in_transaction = false;
    if (session->flight.is_alone)
        return session_fail(session, FAULT_AWAY, "somebody has cancelled the wait for a standby");
    /* COMMIT of a transaction in which a statement has failed succeeds, as a ROLLBACK. */
    if (strcmp(libpq.PQcmdStatus(session->flight.results[place]), "COMMIT") != 0)
        return session_fail(session, FAULT_CONFLICT, "the transaction was rolled back");
    if (session->run != NULL)
        run_entered(session->run);
    session->run = NULL;
    return true;
}

bool session_read(struct session *session, const char *sql, const struct parameter *parameters,
                  size_t count, size_t *place)
{
    begin(session, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    session->run = NULL;
    *place = session_add(session, sql, parameters, count);
    return session_commit(session);
}

void session_roll_back(struct session *session)
{
    if (session->in_transaction && session->flight.connection != NULL) {
        struct fault fault = session->flight.fault;

        (void)flight_add(&session->flight, "ROLLBACK", NULL, 0);
        if (!session_land(session))
            flight_close(&session->flight);
        session->flight.fault = fault;
    }
    session->in_transaction = false;
    session->run = NULL;
}

bool session_in_transaction(const struct session *session)
{
    return session->in_transaction;
}

bool session_refuse(struct session *session, const char *reason)
{
    return session_fail(session, FAULT_FINAL, reason);
}

const PGresult *session_result(const struct session *session, size_t place)
{
    return flight_result(&session->flight, place);
}

PGresult *session_take_result(struct session *session, size_t place)
{
    return flight_take_result(&session->flight, place);
}

size_t session_changed(const struct session *session, size_t place)
{
    return strtoul(libpq.PQcmdTuples(session->flight.results[place]), NULL, 10);
}

/* ---- the whole ---- */

enum exit_code session_open(const struct session_kind *kind, const char *uri,
                            enum session_access access, const struct store_patience *patience,
                            struct session **out)
{
    struct session *session = xcalloc(1, sizeof *session);
    enum exit_code code = libpq_load() ? EXIT_OK : EXIT_STORE;

    *out = NULL;
    session->kind = kind;
    session->access = access;
    session->patience = (struct store_patience){.attempts = 1, .delay_s = 1};
    if (patience != NULL)
        session->patience = *patience;
    if (code == EXIT_OK)
        code = address_read(uri, kind->variable, access == SESSION_CREATE, &session->address);
    if (code == EXIT_OK)
        code = session_do(session, "open the tables", session_prepare, NULL);
    session->is_open = true;
    if (code == EXIT_OK)
        *out = session;
    else
        session_close(session, NULL);
    return code;
}

/* If the database is away, the lease ends by itself. */
static void leave(struct session *session, struct run *run)
{
    if (session->flight.connection != NULL && run_leave(run, &session->flight))
        (void)flight_land(&session->flight, LEAVE_MS);
}

void session_close(struct session *session, struct run *run)
{
    if (session == NULL)
        return;
    if (run != NULL)
        leave(session, run);
    run_free(run);
    attempt_abandon(session->attempt);
    flight_close(&session->flight);
    address_free(session->address);
    free(session);
}

struct run *session_start_run(struct session *session)
{
    return run_new(session->address, session->kind->domain);
}

static bool enter(struct session *session, void *context)
{
    session_begin(session, context);
    return session_commit(session);
}

enum exit_code session_enter_run(struct session *session, struct run *run)
{
    return session_do(session, "start", enter, run);
}
