/*
 * flight: statements that share one round trip: all are sent, then all answers are read
 * (pipeline mode).
 *
 * Parameters and results are in PostgreSQL's binary format.
 */
#ifndef POSTGRES_FLIGHT_H
#define POSTGRES_FLIGHT_H

#include "postgres/array.h"
#include "postgres/fault.h"
#include "postgres/libpq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLIGHT_STATEMENTS_MAX 16
#define FLIGHT_PARAMETERS_MAX 14

/* A connection and its statements. Zeroed, it has none. */
struct flight {
    PGconn *connection;
    PGresult *results[FLIGHT_STATEMENTS_MAX]; /* of the statements of the last round trip */
    size_t count;                             /* of statements that were sent */
    bool is_over;                             /* their answers are here: the next one starts anew */
    bool is_unsent;     /* the connection was closed before anything was sent: nothing was done */
    bool is_unanswered; /* an answer did not come in time */
    bool is_alone;      /* committed, but somebody has cancelled the wait for a standby */
    struct fault fault;
};

/* Takes over a connection that was made: it may have failed. Returns whether it can be used;
 * otherwise it is closed, and flight->fault says why. */
bool flight_open(struct flight *flight, PGconn *connection);

/* Closes the connection and frees the results. Harmless without. */
void flight_close(struct flight *flight);

/* Returns whether there is no connection, or the server has closed it. Does not wait. To be called
 * between two round trips. */
bool flight_is_lost(const struct flight *flight);

/* Adds a statement. Returns its place among those of the round trip. A failure is kept for
 * flight_land(). */
size_t flight_add(struct flight *flight, const char *sql, const struct parameter *parameters,
                  size_t count);

/*
 * Sends what was added and waits for the answers, until patience_ms have passed; for a few seconds
 * at most once a stop is requested. Heartbeats are sent meanwhile (base/wait.h).
 *
 * Returns whether all statements succeeded; otherwise fills in flight->fault. Nothing after the
 * first failure was done then; a transaction that is open must be ended with ROLLBACK. If no answer
 * came the connection is closed, and nobody knows what was done.
 */
bool flight_land(struct flight *flight, int64_t patience_ms);

/* As a whole round trip: runs SQL of several statements without parameters, as one transaction. */
bool flight_script(struct flight *flight, const char *sql, int64_t patience_ms);

/* Returns the result of the statement at that place. It lasts until the next flight_add(). */
const PGresult *flight_result(const struct flight *flight, size_t place);

/* As flight_result(), but the result is the caller's, to be freed with PQclear(). */
PGresult *flight_take_result(struct flight *flight, size_t place);

/* Each reads a value of a result: of any type of integer; of timestamptz, as milliseconds since
 * 1970; of boolean. Null is 0 or false. */
int64_t result_int(const PGresult *result, int row, int column);
int64_t result_time(const PGresult *result, int row, int column);
bool result_bool(const PGresult *result, int row, int column);

#endif
