/* connection_retry: how many attempts to connect are made, and the delay between them. */
#include "amqp/connection.h"
#include "amqp/connection_private.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/stop.h"

#define REPORT_EVERY 10 /* of failed attempts in a row, the first, the eleventh... are reported */

static void pause_before_retry(struct connection *connection)
{
    int64_t until = clock_monotonic_ms() + (int64_t)connection->options->retry_delay * 1000;
    int64_t left;

    while (!stop_requested() && (left = until - clock_monotonic_ms()) > 0)
        connection_wait(NULL, -1, (int)left);
}

static void report_failure(const struct connection *connection, int count)
{
    if (count % REPORT_EVERY == 1)
        report("broker '%s' (%s): %s; attempt %d of %d, the next in %d s",
               connection->endpoint->name, connection->purpose, connection->reason,
               connection->failures, connection->options->retries,
               connection->options->retry_delay);
}

static enum exit_code give_up(const struct connection *connection)
{
    report("broker '%s' (%s): %s; giving up after %d attempt%s", connection->endpoint->name,
           connection->purpose, connection->reason, connection->failures,
           connection->failures == 1 ? "" : "s");
    return EXIT_UNREACHABLE;
}

enum exit_code connection_open(struct connection *connection)
{
    int failed = 0;

    while (!connection_is_up(connection)) {
        enum exit_code code;

        if (connection->final != EXIT_OK)
            return connection->final;
        /* Connections that are lost soon after they were made count as failures, too. */
        if (connection->failures >= connection->options->retries)
            return give_up(connection);
        if (connection->failures > 0)
            pause_before_retry(connection);
        code = connection_try(connection);
        if (code == EXIT_OK) {
            if (connection->failures > 0)
                report("connected to the broker '%s' (%s)", connection->endpoint->name,
                       connection->purpose);
            break;
        }
        if (code != EXIT_UNREACHABLE) {
            report("broker '%s' (%s): %s", connection->endpoint->name, connection->purpose,
                   connection->reason);
            return code;
        }
        connection->failures++;
        if (stop_requested())
            return EXIT_UNREACHABLE;
        if (connection->failures < connection->options->retries)
            report_failure(connection, ++failed);
    }
    return EXIT_OK;
}
