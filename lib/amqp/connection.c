#include "amqp/bytes.h"
#include "amqp/connection_private.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/supervisor.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#define REPORT_EVERY 10  /* of failed attempts in a row, the first, the eleventh... are reported */
#define CLOSE_SECONDS 15 /* in which the broker must agree to the end of a connection */
#define CLOSE_SECONDS_STOP 5 /* the same, once a stop is requested */

struct connection *connection_new(const struct broker_options *options, const char *purpose,
                                  connection_setup *setup, void *context)
{
    struct connection *connection = xcalloc(1, sizeof *connection);

    connection->options = options;
    connection->purpose = purpose;
    connection->frame_margin = FRAME_MARGIN;
    connection->setup = setup;
    connection->context = context;
    connection_register(connection);
    return connection;
}

void connection_unblock(struct connection *connection)
{
    if (connection->is_blocked)
        connection->blocked_ms += clock_monotonic_ms() - connection->blocked_since_ms;
    connection->is_blocked = false;
}

void connection_disconnect(struct connection *connection)
{
    stop_cuts(-1);
    if (connection->state != NULL)
        (void)amqp_destroy_connection(connection->state);
    connection->state = NULL;
    connection->up_since_ms = 0;
    connection_unblock(connection);
    connection->is_leaving = false;
    connection->channel_is_open = false;
    connection->send_errno = 0;
    connection->stuck_since_ms = 0;
    frames_forget(&connection->unsent);
}

/* ---- opening ---- */

static void pause_before_retry(struct connection *connection)
{
    int64_t until = clock_monotonic_ms() + (int64_t)connection->options->retry_delay * 1000;
    int64_t left;

    while (!stop_requested() && (left = until - clock_monotonic_ms()) > 0) {
        supervisor_progress();
        connection_wait(NULL, -1, (int)left);
    }
}

static void report_failure(const struct connection *connection, int count)
{
    if (count % REPORT_EVERY == 1)
        report_warning("broker '%s' (%s): %s; attempt %d of %d, the next in %d s",
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
        connection->is_missed = code != EXIT_OK;
        connection_tell_supervisor();
        if (code == EXIT_OK) {
            if (connection->failures > 0 && !connection->is_lost_quietly)
                report_notice("connected to the broker '%s' (%s)", connection->endpoint->name,
                              connection->purpose);
            break;
        }
        if (code != EXIT_UNREACHABLE) {
            report("broker '%s' (%s): %s", connection->endpoint->name, connection->purpose,
                   connection->reason);
            return code;
        }
        connection->failures++;
        connection->is_lost_quietly = false;
        if (stop_requested())
            return EXIT_UNREACHABLE;
        if (connection->failures < connection->options->retries)
            report_failure(connection, ++failed);
    }
    return EXIT_OK;
}

/* ---- closing ---- */

void connection_leave(struct connection *connection)
{
    amqp_connection_close_t close_method = {.reply_code = AMQP_REPLY_SUCCESS};

    if (!connection_is_up(connection) || connection->is_blocked || !connection_flush(connection))
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

    while (connection->state != NULL && !connection->is_blocked &&
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

    connection_end_attempt(connection);
    connection->is_missed = false;
    connection_leave(connection);
    closed = connection->is_leaving && await_close_ok(connection);
    connection_disconnect(connection);
    return closed;
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    (void)connection_close(connection);
    connection_unregister(connection);
    free(connection->unsent.bytes);
    if (connection->is_kept) {
        (void)close(connection->bell[0]);
        (void)close(connection->bell[1]);
    }
    free(connection);
}

/* ---- state ---- */

const char *connection_reason(const struct connection *connection)
{
    return connection->reason;
}

const char *connection_broker(const struct connection *connection)
{
    return connection->endpoint->name;
}

bool connection_is_up(const struct connection *connection)
{
    return connection->attempt == NULL && connection->state != NULL && !connection->is_leaving;
}

amqp_connection_state_t connection_state(struct connection *connection)
{
    stop_cuts(amqp_get_sockfd(connection->state));
    return connection->state;
}

size_t connection_frame_max(const struct connection *connection)
{
    return connection->frame_max;
}

const struct broker_options *connection_options(const struct connection *connection)
{
    return connection->options;
}

int connection_broker_version(const struct connection *connection)
{
    const amqp_table_t *properties = amqp_get_server_properties(connection->state);
    int first = 0;
    int second = 0;

    for (int i = 0; i < properties->num_entries; i++) {
        const amqp_table_entry_t *each = &properties->entries[i];
        char text[16];

        if (each->value.kind != AMQP_FIELD_KIND_UTF8 || !bytes_are(each->key, "version"))
            continue;
        (void)snprintf(text, sizeof text, "%.*s", (int)each->value.value.bytes.len,
                       (const char *)each->value.value.bytes.bytes);
        if (sscanf(text, "%3d.%2d", &first, &second) < 1)
            return 0;
    }
    return 100 * first + second;
}

unsigned connection_generation(const struct connection *connection)
{
    return connection->generation;
}

bool connection_is_blocked(const struct connection *connection)
{
    return connection->is_blocked;
}

void connection_progress(struct connection *connection)
{
    connection->failures = 0;
}

unsigned connection_exception(const struct connection *connection)
{
    return connection->exception;
}

bool connection_exception_is_doubtful(const struct connection *connection)
{
    return connection->exception == AMQP_INTERNAL_ERROR ||
           connection->exception == AMQP_RESOURCE_ERROR;
}

void connection_expect_refusal(struct connection *connection, bool expected)
{
    connection->expects_refusal = expected;
}

void connection_rights_vary(struct connection *connection)
{
    connection->rights_vary = true;
}
