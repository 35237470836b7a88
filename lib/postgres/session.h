/*
 * session: a PostgreSQL database of order-tools: a connection that heals itself, and transactions
 * that are done again if that is of use.
 *
 * What is to be done is a function, session_work. It may be called several times: whenever the
 * connection has broken, even within a COMMIT, or the transaction was in conflict with another. So
 * it must be harmless to do it twice. It adds statements, which are sent together, and reads their
 * results once they have landed:
 *
 *     session_begin(session, run);
 *     place = session_add(session, "DELETE ... RETURNING ...", parameters, 1);
 *     if (!session_commit(session))
 *         return false;
 *     ... session_result(session, place) ...
 *
 * A transaction may consist of several such round trips: session_land() ends one, and
 * session_commit() the last. session_read() does all of it for a statement that only reads.
 */
#ifndef POSTGRES_SESSION_H
#define POSTGRES_SESSION_H

#include "base/report.h"
#include "postgres/array.h"
#include "postgres/flight.h"
#include "postgres/runs.h"
#include "store/patience.h"

#include <stdbool.h>
#include <stddef.h>

struct session;

/* SQL: the next number for the column seq of a table. Its sequence has whatever name was free when
 * the table was made: not that of another process that made it at the same time, and failed. */
#define NEXT_SEQ(table) "nextval((SELECT pg_get_serial_sequence('" table "', 'seq')::regclass))"

/* What a session is opened for. */
struct session_kind {
    const char *variable;       /* of the environment, that names the database */
    const char *domain;         /* a row of order_tools.version */
    int version;                /* of the tables of that domain */
    const char *const *scripts; /* SQL, as many as version: the first makes version 1, the next
                                   makes 2 of that, and so on; each sets the version itself */
};

enum session_access {
    SESSION_CREATE, /* to write: the tables are made if they are missing */
    SESSION_READ    /* only to read: the tables must be there */
};

/*
 * Connects to the database of that URI, or to the one that kind names if uri is NULL, and checks
 * the version of its tables. patience may be NULL: one attempt. Returns EXIT_OK, with *session to
 * be freed by session_close(); or EXIT_STORE, reported, with *session NULL.
 */
enum exit_code session_open(const struct session_kind *kind, const char *uri,
                            enum session_access access, const struct store_patience *patience,
                            struct session **session);

/* Closes the connection and frees the session. If run is not NULL, ends and frees it first. NULL is
 * harmless for both. */
void session_close(struct session *session, struct run *run);

/* Starts a run of the session, to be given to session_close(). */
struct run *session_start_run(struct session *session);

/* Enters the row of a run at once, of a program that may do nothing for long: so that others see
 * it. Without that the first transaction enters it. */
enum exit_code session_enter_run(struct session *session, struct run *run);

/* Returns false after a function below has returned false, or after session_refuse(). */
typedef bool session_work(struct session *session, void *context);

/*
 * Connects if there is no connection, and does the work, again and again as patience allows. Waits
 * for locks and answers, and for the database to come back; ends at once if a stop is requested
 * while it is away. Returns EXIT_OK, or EXIT_STORE, reported as "cannot <what> ...".
 */
enum exit_code session_do(struct session *session, const char *what, session_work *work,
                          void *context);

/*
 * Makes session_do() begin with renewal on each connection that it makes from now on: to do again
 * what a server that has crashed may have lost (session_relax()). A failure is one of the work.
 */
void session_renew_by(struct session *session, session_work *renewal, void *context);

/*
 * For a program that has nothing to do: if the connection is lost, makes another and does the
 * renewal there, as the next session_do() would, but waits for a second or two at most. Once the
 * database is away, or the renewal fails, which is reported once, each call tries again, but not
 * before the delay of patience has passed. To be called every few seconds, outside of transactions.
 */
void session_rest(struct session *session);

/*
 * For metrics: does work that only reads, once, if there is a connection, and no transaction. Waits
 * for an answer, but not for a database that is away. Returns whether it was done; reports nothing.
 */
bool session_look(struct session *session, session_work *work, void *context);

/* Returns whether the last session_do() failed because the database is away. */
bool session_may_pass(const struct session *session);

/* Returns whether the last session_do(), if it failed, may have committed something of a run:
 * a COMMIT was not answered, a standby lacks it, or what followed has failed. */
bool session_is_in_doubt(const struct session *session);

/* ---- for a session_work ---- */

/* Adds the begin of a transaction; with a run, one that fails unless the run lives. */
void session_begin(struct session *session, struct run *run);

/* Adds a statement by which the lease of the run lasts on: run_extend(). */
void session_extend(struct session *session);

/* Makes the transaction one whose commit does not wait for the disk: it survives the end of this
 * process; a crash of the database only once a later commit was synced. */
void session_relax(struct session *session);

/* Adds a statement, and returns its place: flight_add(). */
size_t session_add(struct session *session, const char *sql, const struct parameter *parameters,
                   size_t count);

/* Sends what was added, and waits for the answers. Returns whether all succeeded. */
bool session_land(struct session *session);

/* Adds the end of the transaction, and lands. Returns whether it is committed, and on disk unless
 * it was relaxed. */
bool session_commit(struct session *session);

/*
 * Does one statement that reads, in a transaction of its own, and sets *place to that of its
 * result. Returns whether it succeeded. Unlike session_add() and session_land() alone it does not
 * wait for a lock for longer than for an answer: whoever has given up leaves no statement behind
 * that waits on.
 */
bool session_read(struct session *session, const char *sql, const struct parameter *parameters,
                  size_t count, size_t *place);

/* For a transaction of several round trips: the database ends it if this process does not go on
 * within 10 s, so that its locks are not in the way of others. */
void session_hold(struct session *session);

/* Returns whether a transaction is open. A call of session_do() that goes on with one finds none
 * if it was lost: then it must begin with what was done before. */
bool session_in_transaction(const struct session *session);

/* Ends a transaction of several round trips, of which nothing is to be kept. Harmless without one.
 * May be called outside of session_do(). */
void session_roll_back(struct session *session);

/* Fails for good, for a reason of the caller's. Returns false. */
bool session_refuse(struct session *session, const char *reason);

/* Results of the last round trip: flight_result(), flight_take_result(). */
const PGresult *session_result(const struct session *session, size_t place);
PGresult *session_take_result(struct session *session, size_t place);

/* Returns how many rows a statement of the last round trip has inserted, changed or deleted. */
size_t session_changed(const struct session *session, size_t place);

#endif
