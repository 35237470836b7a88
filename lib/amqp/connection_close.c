/* connection_close: the end of a connection. */
#include "amqp/connection.h"
#include "amqp/connection_private.h"
#include "base/clock.h"
#include "base/stop.h"

#include <stdint.h>
#include <sys/time.h>

#define CLOSE_SECONDS 15     /* in which the broker must agree to the end of a connection */
#define CLOSE_SECONDS_STOP 5 /* the same, once a stop is requested */

void connection_leave(struct connection *connection)
{
    amqp_connection_close_t close_method = {.reply_code = AMQP_REPLY_SUCCESS};

    if (!connection_is_up(connection) || connection->blocked || !connection_flush(connection))
        return;
    connection->is_leaving = amqp_send_method(connection->state, 0, AMQP_CONNECTION_CLOSE_METHOD,
                                              &close_method) == AMQP_STATUS_OK;
}

static int64_t close_ms_left(int64_t since_ms)
{
    int64_t seconds = stop_requested() ? CLOSE_SECONDS_STOP : CLOSE_SECONDS;

    return since_ms + seconds * 1000 - clock_monotonic_ms();
}

/*
 * Reads until connection.close-ok, and returns true. What the broker sent before comes first: if it
 * had closed the channel by then it has thrown away what was sent on it since, although it answers
 * with close-ok all the same.
 */
static bool await_close_ok(struct connection *connection)
{
    int64_t since_ms = clock_monotonic_ms();
    int64_t left_ms;

    while (connection->state != NULL && !connection->blocked &&
           (left_ms = close_ms_left(since_ms)) > 0) {
        struct timeval patience = {.tv_usec = left_ms < 500 ? (suseconds_t)left_ms * 1000 : 500000};
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(connection->state, &frame, &patience);

        if (status == AMQP_STATUS_TIMEOUT)
            continue;
        if (status != AMQP_STATUS_OK) {
            (void)connection_drop_unreadable(connection, status);
            return false;
        }
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            if (frame.payload.method.id == AMQP_CONNECTION_CLOSE_OK_METHOD)
                return true;
            (void)connection_handle(connection, &frame.payload.method);
        }
        connection_release(connection);
    }
    return false;
}

bool connection_close(struct connection *connection)
{
    bool closed;

    if (!connection->is_leaving)
        connection_leave(connection);
    closed = connection->is_leaving && await_close_ok(connection);
    connection_disconnect(connection);
    return closed;
}
