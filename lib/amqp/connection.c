#include "amqp/connection.h"

#include "amqp/connection_private.h"
#include "base/memory.h"
#include "base/stop.h"

#include <stdlib.h>

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

enum exit_code connection_no_setup(struct connection *connection, void *context)
{
    (void)connection;
    (void)context;
    return EXIT_OK;
}

void connection_disconnect(struct connection *connection)
{
    stop_cuts(-1);
    if (connection->state != NULL)
        (void)amqp_destroy_connection(connection->state);
    connection->state = NULL;
    connection->up_since_ms = 0;
    connection->blocked = false;
    connection->is_leaving = false;
    connection->channel_is_open = false;
    connection->send_errno = 0;
    frames_forget(&connection->unsent);
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    (void)connection_close(connection);
    connection_unregister(connection);
    free(connection->unsent.bytes);
    free(connection);
}

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
    return connection->state != NULL && !connection->is_leaving;
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

unsigned connection_generation(const struct connection *connection)
{
    return connection->generation;
}

bool connection_is_blocked(const struct connection *connection)
{
    return connection->blocked;
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
