#include "amqp/queue.h"

#include "amqp/bytes.h"
#include "amqp/channel.h"
#include "amqp/queue_arguments.h"
#include "amqp/rabbitmq.h"
#include "base/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>

#define GET_SECONDS 2 /* that a queue may take to answer */
#define SLOW_MS 100   /* that it takes, at most, unless there is no leader */
#define SETTLE_MS 500 /* until all messages are where they belong under a new leader */

enum exit_code queue_look(struct connection *connection, const char *queue,
                          struct queue_depth *depth)
{
    const amqp_queue_declare_ok_t *ok =
        amqp_queue_declare(connection_state(connection), CONNECTION_CHANNEL,
                           amqp_cstring_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
    enum exit_code code;

    *depth = (struct queue_depth){.exists = ok != NULL};
    if (ok != NULL) {
        depth->ready = ok->message_count;
        depth->consumers = ok->consumer_count;
        connection_release(connection);
        return EXIT_OK;
    }
    code = channel_refusal(connection, "cannot look at the queue", &depth->refused);
    /* The broker checks the rights first; with any other refusal the queue exists. */
    depth->exists = code == EXIT_OK && depth->refused != EXIT_OK && depth->refused != EXIT_LOGIN;
    return code;
}

/* Gives back the message that has come. */
static enum exit_code give_back(struct connection *connection, uint64_t tag)
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_message_t message;
    amqp_rpc_reply_t reply = amqp_read_message(state, CONNECTION_CHANNEL, &message, 0);
    enum exit_code code = connection_reply(connection, reply, "cannot get a message");

    if (code == EXIT_OK) {
        amqp_destroy_message(&message);
        code = connection_status(connection, amqp_basic_reject(state, CONNECTION_CHANNEL, tag, 1),
                                 "cannot give a message back");
    }
    if (code != EXIT_OK)
        connection_lose(connection);
    return code;
}

/* After a failure of basic.get that is no refusal. A stream closes the connection, too. */
static enum exit_code no_answer(struct connection *connection)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection_state(connection));
    bool is_stream =
        reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
        ((const amqp_connection_close_t *)reply.reply.decoded)->reply_code == AMQP_NOT_IMPLEMENTED;
    char reason[512];

    (void)connection_reply(connection, reply, "cannot get a message");
    (void)snprintf(reason, sizeof reason, "%s", connection_reason(connection));
    connection_lose_quietly(connection);
    if (is_stream)
        return EXIT_OK;
    return connection_fault(connection, EXIT_UNREACHABLE,
                            "the queue does not answer, perhaps for lack of a leader: %s", reason);
}

/* As amqp_basic_get(), but does not wait as long as for other answers. */
static amqp_rpc_reply_t get_once(struct connection *connection, const char *queue)
{
    amqp_connection_state_t state = connection_state(connection);
    struct timeval patience = *amqp_get_rpc_timeout(state);
    amqp_rpc_reply_t reply;

    (void)amqp_set_rpc_timeout(state, &(struct timeval){.tv_sec = GET_SECONDS});
    reply = amqp_basic_get(state, CONNECTION_CHANNEL, amqp_cstring_bytes(queue), 0);
    (void)amqp_set_rpc_timeout(state, &patience);
    return reply;
}

/*
 * A queue whose answer takes long has had no leader. Requests of that time may have taken messages
 * for channels that are closed by now, and these come back only afterwards.
 */
static amqp_rpc_reply_t get(struct connection *connection, const char *queue)
{
    int64_t since_ms = clock_monotonic_ms();
    amqp_rpc_reply_t reply = get_once(connection, queue);

    if (reply.reply_type != AMQP_RESPONSE_NORMAL || reply.reply.id != AMQP_BASIC_GET_EMPTY_METHOD ||
        clock_monotonic_ms() - since_ms < SLOW_MS)
        return reply;
    connection_wait(NULL, -1, SETTLE_MS);
    return get_once(connection, queue);
}

enum exit_code queue_ask_again(struct connection *connection, const char *queue, unsigned *ready)
{
    amqp_rpc_reply_t reply = get(connection, queue);
    enum exit_code refused;
    enum exit_code code = EXIT_OK;

    *ready = 0;
    if (channel_closed(reply))
        return channel_refusal(connection, "cannot get a message", &refused);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        return no_answer(connection);
    if (reply.reply.id == AMQP_BASIC_GET_OK_METHOD) {
        const amqp_basic_get_ok_t *ok = reply.reply.decoded;

        *ready = ok->message_count + 1;
        code = give_back(connection, ok->delivery_tag);
    }
    if (code == EXIT_OK)
        connection_release(connection);
    return code;
}

enum exit_code exchange_look(struct connection *connection, const char *exchange, bool *exists,
                             enum exit_code *refused)
{
    *refused = EXIT_OK;
    /* The broker refuses a declare of the default exchange, even a passive one. */
    *exists = *exchange == '\0' ||
              amqp_exchange_declare(connection_state(connection), CONNECTION_CHANNEL,
                                    amqp_cstring_bytes(exchange), amqp_cstring_bytes("direct"), 1,
                                    0, 0, 0, amqp_empty_table) != NULL;
    if (!*exists)
        return channel_refusal(connection, "cannot look at the exchange", refused);
    connection_release(connection);
    return EXIT_OK;
}

/* Returns whether the broker refused a declare because there is a queue with other settings. */
static bool differs(amqp_rpc_reply_t reply)
{
    return channel_closed_with(reply, AMQP_PRECONDITION_FAILED) &&
           bytes_begin(((const amqp_channel_close_t *)reply.reply.decoded)->reply_text,
                       "PRECONDITION_FAILED - inequivalent arg ");
}

enum exit_code queue_declare(struct connection *connection, const char *queue, const char *exchange,
                             const char *routing_key)
{
    amqp_table_entry_t entries[QUEUE_ARGUMENTS_MAX];
    amqp_table_t arguments = queue_arguments(connection, exchange, routing_key, entries);
    amqp_connection_state_t state = connection_state(connection);
    amqp_rpc_reply_t reply;

    (void)amqp_queue_declare(state, CONNECTION_CHANNEL, amqp_cstring_bytes(queue), 0, 1, 0, 0,
                             arguments);
    reply = amqp_get_rpc_reply(state);
    /* Somebody else has declared it meanwhile. */
    if (differs(reply))
        return channel_reopen(connection);
    return connection_reply(connection, reply, "cannot declare a queue");
}

enum exit_code queue_ensure(struct connection *connection, const char *queue)
{
    struct queue_depth depth;
    enum exit_code code = queue_look(connection, queue, &depth);

    if (code != EXIT_OK || depth.exists)
        return code;
    code = queue_declare(connection, queue, NULL, NULL);
    if (code != EXIT_OK)
        connection_lose(connection);
    return code;
}
