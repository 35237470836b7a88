/* connection_publish: messages that leave, many of them in one system call unless TLS is used. */
#include "amqp/connection_private.h"
#include "amqp/frames.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/wait.h"

#include <errno.h>
#include <poll.h>

/*
 * Whether to give up a connection whose socket is full. One that is kept must not come to the next
 * heartbeat of rabbitmq-c so, which would wait.
 */
static bool is_stuck(struct connection *connection, bool some_sent)
{
    int64_t now_ms = clock_monotonic_ms();

    if (connection->stuck_since_ms == 0 || some_sent)
        connection->stuck_since_ms = now_ms;
    errno = ETIMEDOUT;
    return !connection->is_kept ||
           now_ms - connection->stuck_since_ms >= CONNECTION_HEARTBEAT * 1000 / 2;
}

bool connection_flush(struct connection *connection)
{
    size_t unsent;
    int patience_ms = connection->is_kept ? 0 : 2 * CONNECTION_HEARTBEAT * 1000;

    if (connection->attempt != NULL || connection->state == NULL || connection->send_errno != 0)
        return false;
    unsent = connection->unsent.len;
    /* rabbitmq-c sends frames of its own in between: after half of one nothing else can be sent. */
    if (unsent == 0 ||
        frames_send(&connection->unsent, amqp_get_sockfd(connection->state), patience_ms)) {
        connection->stuck_since_ms = 0;
        return true;
    }
    if (errno != ETIMEDOUT || is_stuck(connection, connection->unsent.len < unsent))
        connection->send_errno = errno;
    return false;
}

/* TLS belongs to rabbitmq-c: what is to be encrypted must be sent through it. */
static int send_encrypted(struct connection *connection, const struct frames_message *message,
                          void *properties)
{
    amqp_basic_publish_t publish = {.exchange = message->exchange,
                                    .routing_key = message->routing_key,
                                    .mandatory = message->is_optional ? 0 : 1};
    amqp_frame_t header = {.frame_type = AMQP_FRAME_HEADER,
                           .channel = CONNECTION_CHANNEL,
                           .payload.properties = {.class_id = AMQP_BASIC_CLASS,
                                                  .body_size = message->body.len,
                                                  .decoded = properties}};
    amqp_frame_t part = {.frame_type = AMQP_FRAME_BODY, .channel = CONNECTION_CHANNEL};
    size_t most = frames_body_most(connection->frame_max);
    int status = amqp_send_method(connection->state, CONNECTION_CHANNEL, AMQP_BASIC_PUBLISH_METHOD,
                                  &publish);

    if (status == AMQP_STATUS_OK)
        status = amqp_send_frame(connection->state, &header);
    for (size_t at = 0; at < message->body.len && status == AMQP_STATUS_OK; at += most) {
        size_t left = message->body.len - at;

        part.payload.body_fragment.bytes = (char *)message->body.bytes + at;
        part.payload.body_fragment.len = left < most ? left : most;
        status = amqp_send_frame(connection->state, &part);
    }
    return status;
}

static void publish_encrypted(struct connection *connection, const struct frames_message *message)
{
    amqp_pool_t pool;
    void *properties;
    int status;

    if (connection->state == NULL)
        return;
    init_amqp_pool(&pool, 4096);
    if (amqp_decode_properties(AMQP_BASIC_CLASS, &pool, message->properties, &properties) < 0)
        die(EXIT_BUG, "message properties that cannot be decoded");
    status = send_encrypted(connection, message, properties);
    empty_amqp_pool(&pool);
    if (connection_status(connection, status, "cannot publish") != EXIT_OK)
        connection_lose(connection);
}

bool connection_takes(const struct connection *connection)
{
    return !connection->endpoint->tls || wait_is_ready(amqp_get_sockfd(connection->state), POLLOUT);
}

void connection_publish(struct connection *connection, const struct frames_message *message)
{
    if (connection->endpoint->tls) {
        publish_encrypted(connection, message);
        return;
    }
    frames_add(&connection->unsent, CONNECTION_CHANNEL, message, connection->frame_max);
    if (connection->unsent.len >= FRAMES_FULL)
        (void)connection_flush(connection);
}
