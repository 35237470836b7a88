/* connection_read: frames that arrive. */
#include "amqp/connection_private.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"

#include <string.h>
#include <sys/time.h>

/* Unless the socket has not taken all that was published: half a frame may stand before. */
static void answer(struct connection *connection, amqp_channel_t channel, amqp_method_number_t id,
                   void *method)
{
    if (connection->unsent.len == 0)
        (void)amqp_send_method(connection->state, channel, id, method);
}

bool connection_handle(struct connection *connection, const amqp_method_t *method)
{
    switch (method->id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
        const amqp_connection_close_t *m = method->decoded;
        amqp_connection_close_ok_t ok = {0};

        answer(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
        connection_lose_closed(connection, "connection closed", m->reply_code, m->reply_text);
        return true;
    }
    case AMQP_CHANNEL_CLOSE_METHOD: {
        const amqp_channel_close_t *m = method->decoded;
        amqp_channel_close_ok_t ok = {0};

        answer(connection, CONNECTION_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
        connection_lose_closed(connection, "channel closed", m->reply_code, m->reply_text);
        return true;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        (void)connection_fault(
            connection, EXIT_UNREACHABLE,
            "subscription cancelled: the queue was deleted, its node went away, or from RabbitMQ "
            "4.3 on what was delivered was in hand for too long");
        connection_lose(connection);
        return true;
    case AMQP_CONNECTION_BLOCKED_METHOD: {
        const amqp_connection_blocked_t *m = method->decoded;

        report_warning("broker '%s' (%s) takes no messages for now: %s", connection->endpoint->name,
                       connection->purpose, printable(m->reason.bytes, m->reason.len));
        if (!connection->is_blocked)
            connection->blocked_since_ms = clock_monotonic_ms();
        connection->is_blocked = true;
        connection_tell_supervisor();
        return true;
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        report_notice("broker '%s' (%s) takes messages again", connection->endpoint->name,
                      connection->purpose);
        connection_unblock(connection);
        connection_tell_supervisor();
        return true;
    default:
        return false;
    }
}

bool connection_drop_unreadable(struct connection *connection, int status)
{
    bool widens = connection->frame_margin < FRAME_MARGIN_WIDE;

    /* A fault of what has arrived, not of the network: it will arrive again. */
    if (status != AMQP_STATUS_BAD_AMQP_DATA && status != AMQP_STATUS_UNKNOWN_CLASS &&
        status != AMQP_STATUS_UNKNOWN_METHOD)
        return false;
    (void)connection_fault(
        connection, EXIT_UNREACHABLE,
        "the broker sent a frame that cannot be read: malformed, larger than %zu bytes, or "
        "nested too deep: a message with such headers, most likely%s",
        connection->frame_max + (size_t)connection->frame_margin,
        widens ? "; larger ones are taken from now on" : "");
    connection_lose(connection);
    /* The next connection reads larger frames: this one was not in vain. */
    if (widens)
        connection->failures = 0;
    connection->frame_margin = FRAME_MARGIN_WIDE;
    return true;
}

/* After a failure to read, or, with all read that had arrived, a failure to send before. */
static void drop(struct connection *connection, int status)
{
    if (connection->send_errno != 0)
        (void)connection_fault(connection, EXIT_UNREACHABLE, "cannot publish: %s",
                               strerror(connection->send_errno));
    else if (connection_drop_unreadable(connection, status))
        return;
    else
        (void)connection_status(connection, status, "cannot read");
    connection_lose(connection);
}

enum connection_event connection_read(struct connection *connection, amqp_frame_t *frame)
{
    struct timeval at_once = {0};

    stop_cuts(-1);
    (void)connection_flush(connection);
    while (connection_is_up(connection)) {
        int status = amqp_simple_wait_frame_noblock(connection->state, frame, &at_once);

        if (status == AMQP_STATUS_TIMEOUT && connection->send_errno == 0)
            return CONNECTION_QUIET;
        if (status != AMQP_STATUS_OK)
            drop(connection, status);
        else if (frame->frame_type != AMQP_FRAME_METHOD ||
                 !connection_handle(connection, &frame->payload.method))
            return CONNECTION_FRAME;
    }
    return CONNECTION_DOWN;
}

void connection_release(struct connection *connection)
{
    stop_cuts(-1);
    if (connection->state != NULL)
        amqp_maybe_release_buffers(connection->state);
}
