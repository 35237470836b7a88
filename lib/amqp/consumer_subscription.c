#include "amqp/consumer_subscription.h"

#include "amqp/queue.h"
#include "amqp/rabbitmq.h"

#include <stdint.h>
#include <stdio.h>

#define TAG_SIZE 32

static void tag_of(unsigned number, char tag[TAG_SIZE])
{
    (void)snprintf(tag, TAG_SIZE, "order-tools-%u", number);
}

static enum exit_code find_queue(struct subscription *subscription, struct connection *connection,
                                 const char *queue, bool counts)
{
    struct queue_depth depth;
    enum exit_code code = queue_look(connection, queue, &depth);

    if (code == EXIT_OK && counts && depth.exists && depth.refused == EXIT_OK && depth.ready == 0 &&
        depth.consumers == 0)
        code = queue_ask_again(connection, queue, &depth.ready);
    if (code == EXIT_OK)
        code = depth.refused;
    if (code != EXIT_OK)
        return code;
    if (!depth.exists)
        return connection_fault(connection, EXIT_TOPOLOGY, "there is no queue '%s'", queue);
    subscription->ready = depth.ready;
    subscription->others = depth.consumers;
    return EXIT_OK;
}

/* The broker says "internal error", or nothing. */
static void add_guess(struct connection *connection)
{
    char reason[512];

    (void)snprintf(reason, sizeof reason, "%s", connection_reason(connection));
    (void)connection_fault(connection, EXIT_UNREACHABLE,
                           "%s: perhaps the queue has no leader, or no majority", reason);
}

enum exit_code subscription_start(struct subscription *subscription, struct connection *connection,
                                  const char *queue, unsigned prefetch, bool counts)
{
    char tag[TAG_SIZE];
    enum exit_code code = find_queue(subscription, connection, queue, counts);

    if (code != EXIT_OK)
        return code;
    tag_of(++subscription->number, tag);
    (void)amqp_basic_qos(connection_state(connection), CONNECTION_CHANNEL, 0, (uint16_t)prefetch,
                         0);
    code = connection_reply(connection, amqp_get_rpc_reply(connection_state(connection)),
                            "cannot set the prefetch");
    if (code != EXIT_OK)
        return code;
    (void)amqp_basic_consume(connection_state(connection), CONNECTION_CHANNEL,
                             amqp_cstring_bytes(queue), amqp_cstring_bytes(tag), 0, 0, 0,
                             amqp_empty_table);
    code = connection_reply(connection, amqp_get_rpc_reply(connection_state(connection)),
                            "cannot consume");
    if (code == EXIT_UNREACHABLE && subscription->ready == 0 && subscription->others == 0)
        add_guess(connection);
    return code;
}

int subscription_renew(struct subscription *subscription, struct connection *connection,
                       const char *queue)
{
    amqp_basic_consume_t consume = {.queue = amqp_cstring_bytes(queue), .nowait = 1};
    amqp_basic_cancel_t cancel = {.nowait = 1};
    char old_tag[TAG_SIZE];
    char new_tag[TAG_SIZE];
    int status;

    tag_of(subscription->number++, old_tag);
    tag_of(subscription->number, new_tag);
    consume.consumer_tag = amqp_cstring_bytes(new_tag);
    cancel.consumer_tag = amqp_cstring_bytes(old_tag);
    /* The old one ends last: an auto-delete queue must never be without a consumer. */
    status = amqp_send_method(connection_state(connection), CONNECTION_CHANNEL,
                              AMQP_BASIC_CONSUME_METHOD, &consume);
    if (status != AMQP_STATUS_OK)
        return status;
    return amqp_send_method(connection_state(connection), CONNECTION_CHANNEL,
                            AMQP_BASIC_CANCEL_METHOD, &cancel);
}
