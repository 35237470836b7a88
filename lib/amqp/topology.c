#include "amqp/topology.h"

#include "amqp/channel.h"
#include "amqp/queue.h"
#include "amqp/rabbitmq.h"

#include <string.h>

const char *const topology_queues[] = {PLACED_QUEUE, DEAD_LETTER_QUEUE, RESERVED_QUEUE,
                                       FAILED_QUEUE, NULL};
const char *const topology_work_queues[] = {PLACED_QUEUE, RESERVED_QUEUE, NULL};

bool topology_is_work_queue(const char *queue)
{
    for (const char *const *each = topology_work_queues; *each != NULL; each++)
        if (strcmp(*each, queue) == 0)
            return true;
    return false;
}

const struct topology_part topology_parts[TOPOLOGY_ALL_COUNT] = {
    {TOPOLOGY_EXCHANGE, ORDERS_EXCHANGE, NULL, NULL},
    {TOPOLOGY_EXCHANGE, DEAD_LETTER_EXCHANGE, NULL, NULL},
    {TOPOLOGY_EXCHANGE, INVENTORY_EXCHANGE, NULL, NULL},
    {TOPOLOGY_QUEUE, PLACED_QUEUE, DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY},
    {TOPOLOGY_QUEUE, DEAD_LETTER_QUEUE, NULL, NULL},
    {TOPOLOGY_QUEUE, RESERVED_QUEUE, NULL, NULL},
    {TOPOLOGY_QUEUE, FAILED_QUEUE, NULL, NULL},
    {TOPOLOGY_BINDING, PLACED_QUEUE, ORDERS_EXCHANGE, PLACED_KEY},
    {TOPOLOGY_BINDING, DEAD_LETTER_QUEUE, DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY},
    {TOPOLOGY_BINDING, RESERVED_QUEUE, INVENTORY_EXCHANGE, RESERVED_KEY},
    {TOPOLOGY_BINDING, FAILED_QUEUE, INVENTORY_EXCHANGE, FAILED_KEY},
    /* Optional, each queue followed by its bindings. */
    {TOPOLOGY_QUEUE, CANCELLED_QUEUE, DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY},
    {TOPOLOGY_BINDING, CANCELLED_QUEUE, ORDERS_EXCHANGE, CANCELLED_KEY},
    {TOPOLOGY_QUEUE, OUTCOME_QUEUE, NULL, NULL},
    {TOPOLOGY_BINDING, OUTCOME_QUEUE, INVENTORY_EXCHANGE, RESERVED_KEY},
    {TOPOLOGY_BINDING, OUTCOME_QUEUE, INVENTORY_EXCHANGE, FAILED_KEY},
    {TOPOLOGY_BINDING, OUTCOME_QUEUE, INVENTORY_EXCHANGE, RELEASED_KEY},
    {TOPOLOGY_BINDING, OUTCOME_QUEUE, INVENTORY_EXCHANGE, HANDED_OVER_KEY},
    {TOPOLOGY_QUEUE, RELEASED_QUEUE, NULL, NULL},
    {TOPOLOGY_BINDING, RELEASED_QUEUE, INVENTORY_EXCHANGE, RELEASED_KEY},
};

/*
 * Sends a passive declare of an exchange or a queue, or a binding, without waiting for the answer.
 * Returns a status of rabbitmq-c.
 */
static int ask_for(struct connection *connection, const struct topology_part *part)
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_bytes_t name = amqp_cstring_bytes(part->name);

    if (part->kind == TOPOLOGY_EXCHANGE) {
        amqp_exchange_declare_t m = {
            .exchange = name, .type = amqp_cstring_bytes("direct"), .passive = 1, .durable = 1};

        return amqp_send_method(state, CONNECTION_CHANNEL, AMQP_EXCHANGE_DECLARE_METHOD, &m);
    }
    if (part->kind == TOPOLOGY_QUEUE) {
        amqp_queue_declare_t m = {.queue = name, .passive = 1, .durable = 1};

        return amqp_send_method(state, CONNECTION_CHANNEL, AMQP_QUEUE_DECLARE_METHOD, &m);
    }
    amqp_queue_bind_t m = {.queue = name,
                           .exchange = amqp_cstring_bytes(part->exchange),
                           .routing_key = amqp_cstring_bytes(part->routing_key)};

    return amqp_send_method(state, CONNECTION_CHANNEL, AMQP_QUEUE_BIND_METHOD, &m);
}

static enum exit_code declare_exchange(struct connection *connection, const char *name)
{
    amqp_connection_state_t state = connection_state(connection);

    (void)amqp_exchange_declare(state, CONNECTION_CHANNEL, amqp_cstring_bytes(name),
                                amqp_cstring_bytes("direct"), 0, 1, 0, 0, amqp_empty_table);
    return connection_reply(connection, amqp_get_rpc_reply(state), "cannot declare an exchange");
}

static enum exit_code declare(struct connection *connection, const struct topology_part *part)
{
    return part->kind == TOPOLOGY_EXCHANGE
               ? declare_exchange(connection, part->name)
               : queue_declare(connection, part->name, part->exchange, part->routing_key);
}

/* Why the broker refused a part; it has then not looked at those that were asked for after it. */
enum finding {
    NO_FINDING, /* it did not, or for another reason, which ends the setup */
    MISSING,    /* the exchange or queue does not exist */
    NO_RIGHT    /* the user may not look at it, or may not make the binding */
};

static enum finding finding_of(const struct topology_part *part, amqp_rpc_reply_t refusal)
{
    if (part->kind != TOPOLOGY_BINDING && channel_says_missing(refusal))
        return MISSING;
    /*
     * Not a failure: whoever set up the broker for users with few rights is expected to have made
     * all parts. If one is missing all the same, consuming fails, or a message is returned. From
     * RabbitMQ 4.2.6 on even a passive declare needs a right.
     */
    if (channel_closed_with(refusal, AMQP_ACCESS_REFUSED))
        return NO_RIGHT;
    return NO_FINDING;
}

/* Reads the answers for the parts *done to end - 1, and counts *done up, until one is refused. */
static enum exit_code read_answers(struct connection *connection, size_t end, size_t *done,
                                   enum finding *finding)
{
    amqp_connection_state_t state = connection_state(connection);

    *finding = NO_FINDING;
    while (*done < end) {
        struct timeval *patience = amqp_get_rpc_timeout(state);
        amqp_frame_t frame;
        amqp_rpc_reply_t refusal = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION};
        int status = amqp_simple_wait_frame_noblock(state, &frame, patience);

        if (status != AMQP_STATUS_OK)
            return connection_status(connection, status, "cannot look for exchanges and queues");
        if (frame.frame_type != AMQP_FRAME_METHOD)
            continue;
        switch (frame.payload.method.id) {
        case AMQP_CHANNEL_OPEN_OK_METHOD:
            connection_channel_opened(connection);
            break;
        case AMQP_EXCHANGE_DECLARE_OK_METHOD:
        case AMQP_QUEUE_DECLARE_OK_METHOD:
        case AMQP_QUEUE_BIND_OK_METHOD:
            (*done)++;
            break;
        case AMQP_CHANNEL_CLOSE_METHOD:
        case AMQP_CONNECTION_CLOSE_METHOD:
            refusal.reply = frame.payload.method;
            *finding = finding_of(&topology_parts[*done], refusal);
            return *finding != NO_FINDING ? EXIT_OK
                                          : connection_reply(connection, refusal,
                                                             "cannot set up exchanges and queues");
        default:
            break;
        }
    }
    return EXIT_OK;
}

enum manner {
    AS_ALLOWED, /* declares what is missing, and skips that to which the user has no right */
    STRICTLY,   /* skips nothing */
    ALONE       /* if something is missing, declares the whole workflow, as allowed */
};

static enum exit_code refuse_part(struct connection *connection, const struct topology_part *part)
{
    if (part->kind == TOPOLOGY_BINDING)
        return connection_fault(connection, EXIT_LOGIN,
                                "the user may not bind the queue '%s' to the exchange '%s'",
                                part->name, part->exchange);
    return connection_fault(connection, EXIT_LOGIN, "the user may not look for '%s'", part->name);
}

/* Makes sure that the parts first to end - 1 exist. */
static enum exit_code declare_parts(struct connection *connection, size_t first, size_t end,
                                    enum manner manner)
{
    for (size_t done = first; done < end; connection_release(connection)) {
        enum exit_code code = EXIT_OK;
        enum finding finding = NO_FINDING;

        for (size_t i = done; i < end && code == EXIT_OK; i++)
            code = connection_status(connection, ask_for(connection, &topology_parts[i]),
                                     "cannot look for exchanges and queues");
        if (code == EXIT_OK)
            code = read_answers(connection, end, &done, &finding);
        if (code == EXIT_OK && finding != NO_FINDING)
            code = channel_reopen(connection);
        if (code == EXIT_OK && finding == MISSING && manner != ALONE)
            code = declare(connection, &topology_parts[done]);
        if (code != EXIT_OK)
            return code;
        if (finding == MISSING && manner == ALONE)
            return topology_declare(connection);
        if (finding == NO_RIGHT && manner == STRICTLY)
            return refuse_part(connection, &topology_parts[done]);
        if (finding == NO_RIGHT)
            done++;
    }
    return EXIT_OK;
}

enum exit_code topology_declare(struct connection *connection)
{
    return declare_parts(connection, 0, TOPOLOGY_PART_COUNT, AS_ALLOWED);
}

/* Makes sure that an optional queue and its bindings exist. */
static enum exit_code declare_optional(struct connection *connection, const char *queue,
                                       enum manner manner)
{
    size_t first = TOPOLOGY_PART_COUNT;
    size_t end;

    while (first < TOPOLOGY_ALL_COUNT && strcmp(topology_parts[first].name, queue) != 0)
        first++;
    end = first;
    while (end < TOPOLOGY_ALL_COUNT && strcmp(topology_parts[end].name, queue) == 0)
        end++;
    return declare_parts(connection, first, end, manner);
}

static enum exit_code declare_with(struct connection *connection, const char *queue)
{
    enum exit_code code = topology_declare(connection);

    return code == EXIT_OK ? declare_optional(connection, queue, AS_ALLOWED) : code;
}

enum exit_code topology_declare_strictly(struct connection *connection, const char *const *names)
{
    enum exit_code code = declare_parts(connection, 0, TOPOLOGY_PART_COUNT, STRICTLY);

    for (; *names != NULL && code == EXIT_OK; names++)
        code = declare_optional(connection, *names, STRICTLY);
    return code;
}

enum exit_code topology_declare_cancelled(struct connection *connection)
{
    return declare_with(connection, CANCELLED_QUEUE);
}

enum exit_code topology_declare_outcomes(struct connection *connection)
{
    return declare_with(connection, OUTCOME_QUEUE);
}

enum exit_code topology_declare_released(struct connection *connection)
{
    return declare_with(connection, RELEASED_QUEUE);
}

static enum exit_code ensure_exchange(struct connection *connection, const char *exchange)
{
    size_t i = 0;

    while (strcmp(topology_parts[i].name, exchange) != 0)
        i++;
    return declare_parts(connection, i, i + 1, ALONE);
}

enum exit_code topology_declare_orders(struct connection *connection)
{
    return ensure_exchange(connection, ORDERS_EXCHANGE);
}

enum exit_code topology_declare_dead_letters(struct connection *connection)
{
    return ensure_exchange(connection, DEAD_LETTER_EXCHANGE);
}

enum exit_code topology_declare_inventory(struct connection *connection)
{
    return ensure_exchange(connection, INVENTORY_EXCHANGE);
}
