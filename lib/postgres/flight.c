#include "postgres/flight.h"

#include "base/clock.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/wait.h"

#include <poll.h>
#include <string.h>

#define CLOSING_READS 4 /* of what a server says at last, until its end is seen */

/* ---- the connection ---- */

/* The server says in this way, and in no other, that it has committed without a standby. */
static void take_notice(void *context, const PGresult *notice)
{
    struct flight *flight = context;
    const char *origin = libpq.PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);

    if (origin != NULL && strcmp(origin, "SyncRepWaitForLSN") == 0)
        flight->is_alone = true;
}

bool flight_open(struct flight *flight, PGconn *connection)
{
    flight->connection = connection;
    (void)libpq.PQsetNoticeReceiver(connection, take_notice, flight);
    flight->count = 0;
    flight->is_over = true;
    flight->fault.kind = FAULT_NONE;
    if (libpq.PQstatus(connection) != CONNECTION_OK)
        fault_of_login(&flight->fault, connection);
    else if (libpq.PQsetnonblocking(connection, 1) != 0 ||
             libpq.PQenterPipelineMode(connection) != 1)
        fault_of_connection(&flight->fault, connection);
    if (flight->fault.kind != FAULT_NONE)
        flight_close(flight);
    return flight->connection != NULL;
}

static void clear_results(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++) {
        libpq.PQclear(flight->results[i]);
        flight->results[i] = NULL;
    }
    flight->count = 0;
}

void flight_close(struct flight *flight)
{
    if (flight->connection == NULL)
        return;
    clear_results(flight);
    libpq.PQfinish(flight->connection);
    flight->connection = NULL;
}

/* The connection is of no use any more. Keeps the first reason. */
static void lose(struct flight *flight)
{
    if (flight->fault.kind == FAULT_NONE)
        fault_of_connection(&flight->fault, flight->connection);
    flight_close(flight);
}

/* ---- sending ---- */

/* The server may have said why before it closed the connection. */
bool flight_is_lost(const struct flight *flight)
{
    int socket;

    if (flight->connection == NULL)
        return true;
    socket = libpq.PQsocket(flight->connection);
    for (int i = 0; i < CLOSING_READS && wait_is_ready(socket, POLLIN); i++)
        if (libpq.PQconsumeInput(flight->connection) != 1)
            return true;
    return libpq.PQstatus(flight->connection) != CONNECTION_OK;
}

/* The first statement after the last round trip starts the next one. */
static void start_anew(struct flight *flight)
{
    if (!flight->is_over)
        return;
    clear_results(flight);
    flight->is_over = false;
    flight->is_unanswered = false;
    flight->is_alone = false;
    flight->fault.kind = FAULT_NONE;
    flight->is_unsent = flight->connection != NULL && flight_is_lost(flight);
    if (flight->is_unsent)
        fault_of_connection(&flight->fault, flight->connection);
}

size_t flight_add(struct flight *flight, const char *sql, const struct parameter *parameters,
                  size_t count)
{
    const char *values[FLIGHT_PARAMETERS_MAX] = {NULL};
    int lengths[FLIGHT_PARAMETERS_MAX] = {0};
    int formats[FLIGHT_PARAMETERS_MAX] = {0};

    start_anew(flight);
    if (flight->count == FLIGHT_STATEMENTS_MAX || count > FLIGHT_PARAMETERS_MAX)
        die(EXIT_BUG, "more statements or parameters than a round trip has room for");
    for (size_t i = 0; i < count; i++) {
        values[i] = parameters[i].bytes;
        lengths[i] = (int)parameters[i].len;
        formats[i] = 1;
    }
    if (flight->fault.kind == FAULT_NONE &&
        libpq.PQsendQueryParams(flight->connection, sql, (int)count, NULL, values, lengths, formats,
                                1) != 1)
        fault_of_connection(&flight->fault, flight->connection);
    return flight->count++;
}

/* ---- waiting ---- */

/* Returns for how many milliseconds more an answer is waited for, at most for a part of them, so
 * that a stop is seen. */
static int64_t left_ms(int64_t deadline_ms, int64_t *stop_ms)
{
    int64_t now_ms = clock_monotonic_ms();

    if (stop_requested() && *stop_ms == 0)
        *stop_ms = now_ms + STOP_CUT_SECONDS * 1000;
    if (*stop_ms != 0 && *stop_ms < deadline_ms)
        deadline_ms = *stop_ms;
    return deadline_ms - now_ms;
}

struct awaiting {
    int64_t deadline_ms;
    int64_t stop_ms; /* the same once a stop was requested; otherwise 0 */
};

/* Sends what is left to be sent, and waits until something has arrived. Returns false, with the
 * fault filled in, if the connection is broken or it takes too long. */
static bool await_some(struct flight *flight, struct awaiting *awaiting)
{
    int unsent = libpq.PQflush(flight->connection);
    int64_t left = left_ms(awaiting->deadline_ms, &awaiting->stop_ms);

    if (unsent >= 0 && left > 0) {
        wait_for(libpq.PQsocket(flight->connection), unsent > 0 ? POLLIN | POLLOUT : POLLIN,
                 (int)left, awaiting->stop_ms == 0);
        if (libpq.PQconsumeInput(flight->connection) == 1)
            return true;
    }
    flight->is_unanswered = left <= 0;
    if (flight->is_unanswered)
        fault_set(&flight->fault, FAULT_AWAY, "it does not answer");
    return false;
}

/* Sets *result to the next, NULL at the end of those of a statement. */
static bool next_result(struct flight *flight, struct awaiting *awaiting, PGresult **result)
{
    while (libpq.PQisBusy(flight->connection) == 1)
        if (!await_some(flight, awaiting))
            return false;
    *result = libpq.PQgetResult(flight->connection);
    return true;
}

/* Keeps the last result of the statement at a place: there is one, or none after a failure. */
static bool read_statement(struct flight *flight, struct awaiting *awaiting, size_t place)
{
    PGresult *result;

    do {
        if (!next_result(flight, awaiting, &result))
            return false;
        if (result == NULL)
            break;
        libpq.PQclear(flight->results[place]);
        flight->results[place] = result;
        if (flight->fault.kind == FAULT_NONE)
            fault_of_result(&flight->fault, result);
    } while (true);
    return libpq.PQstatus(flight->connection) == CONNECTION_OK;
}

static bool read_sync(struct flight *flight, struct awaiting *awaiting)
{
    PGresult *result = NULL;
    bool is_sync = next_result(flight, awaiting, &result) &&
                   libpq.PQresultStatus(result) == PGRES_PIPELINE_SYNC;

    if (!is_sync && flight->fault.kind == FAULT_NONE && result != NULL)
        fault_of_result(&flight->fault, result);
    libpq.PQclear(result);
    return is_sync;
}

bool flight_land(struct flight *flight, int64_t patience_ms)
{
    struct awaiting awaiting = {.deadline_ms = clock_monotonic_ms() + patience_ms};
    bool landed;

    flight->is_over = true;
    if (flight->connection == NULL)
        return false;
    landed = flight->fault.kind == FAULT_NONE && libpq.PQpipelineSync(flight->connection) == 1;
    for (size_t i = 0; i < flight->count && landed; i++)
        landed = read_statement(flight, &awaiting, i);
    if (!landed || !read_sync(flight, &awaiting))
        lose(flight);
    return flight->fault.kind == FAULT_NONE;
}

bool flight_script(struct flight *flight, const char *sql, int64_t patience_ms)
{
    struct awaiting awaiting = {.deadline_ms = clock_monotonic_ms() + patience_ms};

    start_anew(flight);
    flight->is_over = true;
    if (libpq.PQexitPipelineMode(flight->connection) != 1 ||
        libpq.PQsendQuery(flight->connection, sql) != 1 ||
        !read_statement(flight, &awaiting, flight->count++) ||
        libpq.PQenterPipelineMode(flight->connection) != 1)
        lose(flight);
    return flight->fault.kind == FAULT_NONE;
}

/* ---- results ---- */

const PGresult *flight_result(const struct flight *flight, size_t place)
{
    return flight->results[place];
}

PGresult *flight_take_result(struct flight *flight, size_t place)
{
    PGresult *result = flight->results[place];

    flight->results[place] = NULL;
    return result;
}

int64_t result_int(const PGresult *result, int row, int column)
{
    int len = libpq.PQgetlength(result, row, column);
    const unsigned char *bytes = (const unsigned char *)libpq.PQgetvalue(result, row, column);
    uint64_t value = len > 0 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

int64_t result_time(const PGresult *result, int row, int column)
{
    return result_int(result, row, column) / 1000 + POSTGRES_EPOCH_MS;
}

bool result_bool(const PGresult *result, int row, int column)
{
    return libpq.PQgetlength(result, row, column) == 1 &&
           *libpq.PQgetvalue(result, row, column) != '\0';
}
