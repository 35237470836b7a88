#include "amqp/queue.h"

#include "amqp/bytes.h"
#include "amqp/channel.h"
#include "amqp/queue_arguments.h"
#include "amqp/rabbitmq.h"

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
