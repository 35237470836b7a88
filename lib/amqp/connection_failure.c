/* connection_failure: the reason of a failure, and taking the connection down for it. */
#include "amqp/bytes.h"
#include "amqp/connection_private.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define STABLE_MS 60000 /* a connection that lasted this long does not count as a failed attempt */

enum exit_code connection_fault(struct connection *connection, enum exit_code code,
                                const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(connection->reason, sizeof connection->reason, format, arguments);
    va_end(arguments);
    return code;
}

enum exit_code connection_status(struct connection *connection, int status, const char *what)
{
    bool is_untrusted = status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED ||
                        status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED;

    stop_cuts(-1);
    if (status >= 0)
        return EXIT_OK;
    return connection_fault(connection, is_untrusted ? EXIT_LOGIN : EXIT_UNREACHABLE, "%s: %s",
                            what, amqp_error_string2(status));
}

bool connection_says_missing(uint16_t reply_code, amqp_bytes_t text)
{
    return reply_code == AMQP_NOT_FOUND && bytes_begin(text, "NOT_FOUND - no ");
}

/* Connections or channels are too many: "connection limit (10) is reached", "limit of (10)". */
static bool says_limit(amqp_bytes_t text)
{
    return bytes_contain(text, " limit (") || bytes_contain(text, " limit of (");
}

static enum exit_code code_of_reply(uint16_t reply_code, amqp_bytes_t text)
{
    switch (reply_code) {
    case AMQP_ACCESS_REFUSED:
        return EXIT_LOGIN;
    case AMQP_NOT_ALLOWED:
        return says_limit(text) ? EXIT_UNREACHABLE : EXIT_LOGIN;
    case AMQP_NOT_FOUND:
        return connection_says_missing(reply_code, text) ? EXIT_TOPOLOGY : EXIT_UNREACHABLE;
    case AMQP_PRECONDITION_FAILED:
    case AMQP_RESOURCE_LOCKED:
        return EXIT_TOPOLOGY;
    default:
        return EXIT_UNREACHABLE;
    }
}

enum exit_code connection_reply(struct connection *connection, amqp_rpc_reply_t reply,
                                const char *what)
{
    uint16_t code;
    amqp_bytes_t text;

    stop_cuts(-1);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return EXIT_OK;
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return connection_status(connection,
                                 reply.reply_type == AMQP_RESPONSE_NONE ? AMQP_STATUS_SOCKET_CLOSED
                                                                        : reply.library_error,
                                 what);
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close_method = reply.reply.decoded;

        code = close_method->reply_code;
        text = close_method->reply_text;
    } else {
        const amqp_channel_close_t *close_method = reply.reply.decoded;

        code = close_method->reply_code;
        text = close_method->reply_text;
    }
    return connection_fault(connection, code_of_reply(code, text), "%s: %d %s", what, code,
                            printable(text.bytes, text.len));
}

static bool is_the_callers_to_say(const struct connection *connection)
{
    return connection->expects_refusal && connection->exception != 0 &&
           !connection_exception_is_doubtful(connection);
}

void connection_lose(struct connection *connection)
{
    /* A failed attempt: connection_open() counts and reports it. */
    if (connection->state != NULL && connection->up_since_ms != 0 &&
        !is_the_callers_to_say(connection))
        report_warning("lost the broker '%s' (%s): %s", connection->endpoint->name,
                       connection->purpose, connection->reason);
    connection_lose_quietly(connection);
    connection->is_lost_quietly = false;
}

void connection_lose_useless(struct connection *connection)
{
    if (connection->up_since_ms != 0)
        connection->up_since_ms = clock_monotonic_ms();
    connection_lose(connection);
}

void connection_lose_quietly(struct connection *connection)
{
    if (connection->state != NULL && connection->up_since_ms != 0) {
        connection->failures++;
        if (clock_monotonic_ms() - connection->up_since_ms >= STABLE_MS)
            connection->failures = 0;
        /* What one broker objects to another one would not take either. */
        if (connection->exception == 0 || connection_exception_is_doubtful(connection))
            connection->moves++;
        connection->is_lost_quietly = true;
    }
    if (connection->state != NULL)
        connection_disconnect(connection);
    connection_tell_supervisor();
}

void connection_lose_closed(struct connection *connection, const char *what, uint16_t code,
                            amqp_bytes_t text)
{
    (void)connection_fault(connection, EXIT_UNREACHABLE, "%s: %d %s", what, code,
                           printable(text.bytes, text.len));
    if (code_of_reply(code, text) == EXIT_LOGIN && !connection->rights_vary)
        connection->final = EXIT_LOGIN;
    else if (code != AMQP_REPLY_SUCCESS && code != AMQP_CONNECTION_FORCED)
        connection->exception = code;
    connection_lose(connection);
}
