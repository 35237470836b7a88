/* connection_keep: a connection that is made in the background, by a thread for each attempt. */
#include "amqp/connection_private.h"
#include "base/background.h"
#include "base/clock.h"
#include "base/pipe.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/wait.h"

#include <poll.h>

#define REPORT_EVERY \
    60               /* of attempts that fail alike in a row, the first, the 61st... are reported */
#define LEAST_MS 100 /* between attempts, whatever the options say */
#define REFUSED_MS 10000 /* the same if the broker refuses the user, or what is declared */

/* In the thread of the attempt. */
static int attempt(void *context)
{
    struct connection *connection = context;
    enum exit_code code = connection_try(connection);

    pipe_ring(connection->bell);
    return (int)code;
}

/* Returns for how long to wait after an attempt or, once connected, a loss of that code. */
static int64_t retry_ms(const struct connection *connection, enum exit_code code)
{
    int64_t asked_ms = (int64_t)connection->options->retry_delay * 1000;
    int64_t least_ms = code == EXIT_OK || code == EXIT_UNREACHABLE ? LEAST_MS : REFUSED_MS;

    return asked_ms > least_ms ? asked_ms : least_ms;
}

static void note_failure(struct connection *connection, enum exit_code code)
{
    if (code != connection->failed_code)
        connection->failed_attempts = 0;
    connection->failed_code = code;
    connection->failures++;
    connection->is_missed = true;
    connection_tell_supervisor();
    if (connection->failed_attempts++ % REPORT_EVERY == 0)
        report_warning("broker '%s' (%s): %s; trying again every %d s", connection->endpoint->name,
                       connection->purpose, connection->reason,
                       (int)(retry_ms(connection, code) / 1000));
}

static void note_success(struct connection *connection)
{
    if (connection->failures > 0)
        report_notice("connected to the broker '%s' (%s)", connection->endpoint->name,
                      connection->purpose);
    connection->failed_attempts = 0;
    connection->is_missed = false;
    connection_tell_supervisor();
}

void connection_end_attempt(struct connection *connection)
{
    enum exit_code code;

    if (connection->attempt == NULL)
        return;
    code = (enum exit_code)background_finish(connection->attempt);
    connection->attempt = NULL;
    pipe_still(connection->bell);
    connection->next_attempt_ms = clock_monotonic_ms() + retry_ms(connection, code);
    if (code == EXIT_OK)
        note_success(connection);
    else if (!stop_requested())
        note_failure(connection, code);
}

static void begin_attempt(struct connection *connection)
{
    /* What the broker still has to say on a connection that leaves is of no use. */
    if (connection->is_leaving)
        connection_disconnect(connection);
    if (!connection->is_kept && !pipe_make_bell(connection->bell))
        die(EXIT_BUG, "cannot make a pipe");
    connection->is_kept = true;
    connection->final = EXIT_OK;
    connection->attempt = background_start(attempt, connection);
    /* No room for a thread: later, perhaps. */
    if (connection->attempt == NULL)
        connection->next_attempt_ms = clock_monotonic_ms() + LEAST_MS;
}

bool connection_keep(struct connection *connection)
{
    if (connection->attempt != NULL && wait_is_ready(connection->bell[0], POLLIN))
        connection_end_attempt(connection);
    if (connection->attempt == NULL && !connection_is_up(connection) && !stop_requested() &&
        connection_attempt_in_ms(connection) == 0)
        begin_attempt(connection);
    return connection_is_up(connection);
}

bool connection_has_failed(const struct connection *connection)
{
    return connection->failed_attempts > 0;
}

int connection_attempt_in_ms(const struct connection *connection)
{
    int64_t left_ms = connection->next_attempt_ms - clock_monotonic_ms();

    if (connection->final != EXIT_OK)
        left_ms += retry_ms(connection, connection->final);
    return connection->failures == 0 || left_ms < 0 ? 0 : (int)left_ms;
}
