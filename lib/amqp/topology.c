#include "amqp/topology.h"

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

const struct topology_part topology_parts[TOPOLOGY_PART_COUNT] = {
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
};

/* The parts from one on, up to another that is not among them. */
struct scope {
    size_t first;
    size_t end;
};

static const struct scope whole = {0, TOPOLOGY_PART_COUNT};

static struct scope scope_of(const char *exchange)
{
    struct scope scope = {0, 0};

    while (strcmp(topology_parts[scope.first].name, exchange) != 0)
        scope.first++;
    scope.end = scope.first + 1;
    return scope;
}

/* Asks for a part, without waiting for the answer: passively, but for bindings, which cannot be
 * looked at. */
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

static enum exit_code declare(struct connection *connection, const struct topology_part *part)
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_table_entry_t entries[2] = {{.key = amqp_cstring_bytes("x-dead-letter-exchange")},
                                     {.key = amqp_cstring_bytes("x-dead-letter-routing-key")}};
    amqp_table_t arguments = {.num_entries = part->exchange == NULL ? 0 : 2, .entries = entries};

    if (part->kind == TOPOLOGY_EXCHANGE) {
        (void)amqp_exchange_declare(state, CONNECTION_CHANNEL, amqp_cstring_bytes(part->name),
                                    amqp_cstring_bytes("direct"), 0, 1, 0, 0, amqp_empty_table);
        return connection_reply(connection, amqp_get_rpc_reply(state),
                                "cannot declare an exchange");
    }
    for (int i = 0; i < arguments.num_entries; i++)
        entries[i].value.kind = AMQP_FIELD_KIND_UTF8;
    if (part->exchange != NULL) {
        entries[0].value.value.bytes = amqp_cstring_bytes(part->exchange);
        entries[1].value.value.bytes = amqp_cstring_bytes(part->routing_key);
    }
    (void)amqp_queue_declare(state, CONNECTION_CHANNEL, amqp_cstring_bytes(part->name), 0, 1, 0, 0,
                             arguments);
    return connection_reply(connection, amqp_get_rpc_reply(state), "cannot declare a queue");
}

static bool is_channel_opened(const amqp_frame_t *frame)
{
    return frame->frame_type == AMQP_FRAME_METHOD &&
           frame->payload.method.id == AMQP_CHANNEL_OPEN_OK_METHOD;
}

static bool is_answer(const amqp_frame_t *frame)
{
    amqp_method_number_t id = frame->payload.method.id;

    return frame->frame_type == AMQP_FRAME_METHOD && frame->channel == CONNECTION_CHANNEL &&
           (id == AMQP_EXCHANGE_DECLARE_OK_METHOD || id == AMQP_QUEUE_DECLARE_OK_METHOD ||
            id == AMQP_QUEUE_BIND_OK_METHOD);
}

static bool closes_channel_with(amqp_rpc_reply_t reply, uint16_t reply_code)
{
    return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
           reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD &&
           ((const amqp_channel_close_t *)reply.reply.decoded)->reply_code == reply_code;
}

/* After the broker closed the channel: agrees, and opens it again. */
static enum exit_code reopen_channel(struct connection *connection)
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_channel_close_ok_t ok = {0};
    enum exit_code code = connection_status(
        connection, amqp_send_method(state, CONNECTION_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok),
        "cannot close a channel");

    if (code != EXIT_OK)
        return code;
    (void)amqp_channel_open(connection_state(connection), CONNECTION_CHANNEL);
    return connection_reply(connection, amqp_get_rpc_reply(state), "cannot open a channel");
}

/* What became of the parts that were asked for. */
enum finding {
    ALL_THERE,
    MISSING, /* the part at *done is not there; those after it are to be asked for again */
    NOT_OURS /* the part at *done is one that this user may not look at, or a binding that it may
                not make */
};

static enum finding finding_of(const struct topology_part *part, amqp_rpc_reply_t refusal)
{
    if (part->kind != TOPOLOGY_BINDING && closes_channel_with(refusal, AMQP_NOT_FOUND))
        return MISSING;
    /*
     * Whoever set up the broker has made all of it; if not, whoever uses it will be told, and a
     * message that no queue takes will tell. From RabbitMQ 4.2.6 on a look takes some right to what
     * is looked at.
     */
    if (closes_channel_with(refusal, AMQP_ACCESS_REFUSED))
        return NOT_OURS;
    return ALL_THERE;
}

/* Reads the answers to what was asked from *done on, up to the first that is a refusal. */
static enum exit_code read_answers(struct connection *connection, struct scope scope, size_t *done,
                                   enum finding *finding)
{
    amqp_connection_state_t state = connection_state(connection);

    *finding = ALL_THERE;
    while (*done < scope.end) {
        struct timeval *patience = amqp_get_rpc_timeout(state);
        amqp_frame_t frame;
        amqp_rpc_reply_t refusal = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION};
        int status = amqp_simple_wait_frame_noblock(state, &frame, patience);

        if (status != AMQP_STATUS_OK)
            return connection_status(connection, status, "cannot look for exchanges and queues");
        if (is_channel_opened(&frame)) {
            connection_channel_opened(connection);
            continue;
        }
        if (is_answer(&frame)) {
            (*done)++;
            continue;
        }
        if (frame.frame_type != AMQP_FRAME_METHOD ||
            (frame.payload.method.id != AMQP_CHANNEL_CLOSE_METHOD &&
             frame.payload.method.id != AMQP_CONNECTION_CLOSE_METHOD))
            continue;
        refusal.reply = frame.payload.method;
        *finding = finding_of(&topology_parts[*done], refusal);
        return *finding != ALL_THERE
                   ? EXIT_OK
                   : connection_reply(connection, refusal, "cannot set up exchanges and queues");
    }
    return EXIT_OK;
}

static enum exit_code declare_within(struct connection *connection, struct scope scope)
{
    bool is_whole = scope.end == TOPOLOGY_PART_COUNT && scope.first == 0;

    for (size_t done = scope.first; done < scope.end; connection_release(connection)) {
        enum exit_code code = EXIT_OK;
        enum finding finding = ALL_THERE;

        for (size_t i = done; i < scope.end && code == EXIT_OK; i++)
            code = connection_status(connection, ask_for(connection, &topology_parts[i]),
                                     "cannot look for exchanges and queues");
        if (code == EXIT_OK)
            code = read_answers(connection, scope, &done, &finding);
        if (code == EXIT_OK && finding != ALL_THERE)
            code = reopen_channel(connection);
        if (code == EXIT_OK && finding == MISSING && is_whole)
            code = declare(connection, &topology_parts[done]);
        if (code != EXIT_OK)
            return code;
        if (finding == MISSING && !is_whole)
            return declare_within(connection, whole);
        if (finding == NOT_OURS)
            done++;
    }
    return EXIT_OK;
}

enum exit_code topology_declare(struct connection *connection)
{
    return declare_within(connection, whole);
}

enum exit_code topology_declare_orders(struct connection *connection)
{
    return declare_within(connection, scope_of(ORDERS_EXCHANGE));
}

enum exit_code topology_declare_dead_letters(struct connection *connection)
{
    return declare_within(connection, scope_of(DEAD_LETTER_EXCHANGE));
}

enum exit_code topology_declare_inventory(struct connection *connection)
{
    return declare_within(connection, scope_of(INVENTORY_EXCHANGE));
}

/* A classic queue whose node is down answers with 404, too: it is there all the same. */
static bool is_not_there(amqp_rpc_reply_t reply)
{
    static const char away[] = "NOT_FOUND - home node ";
    amqp_bytes_t text;

    if (!closes_channel_with(reply, AMQP_NOT_FOUND))
        return false;
    text = ((const amqp_channel_close_t *)reply.reply.decoded)->reply_text;
    return text.len < sizeof away - 1 || memcmp(text.bytes, away, sizeof away - 1) != 0;
}

enum exit_code channel_refusal(struct connection *connection, const char *what,
                               enum exit_code *refused)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection_state(connection));
    bool is_refusal = reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
                      reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
    bool is_away = closes_channel_with(reply, AMQP_NOT_FOUND) && !is_not_there(reply);
    bool is_missing = is_not_there(reply);
    enum exit_code code = connection_reply(connection, reply, what);

    *refused = EXIT_OK;
    if (is_refusal) {
        if (!is_missing)
            *refused = is_away ? EXIT_UNREACHABLE : code;
        code = reopen_channel(connection);
    }
    if (code != EXIT_OK)
        connection_lose(connection);
    return code;
}

enum exit_code queue_look(struct connection *connection, const char *queue,
                          struct queue_depth *depth)
{
    amqp_connection_state_t state = connection_state(connection);
    const amqp_queue_declare_ok_t *ok;
    enum exit_code code;

    memset(depth, 0, sizeof *depth);
    ok = amqp_queue_declare(state, CONNECTION_CHANNEL, amqp_cstring_bytes(queue), 1, 0, 0, 0,
                            amqp_empty_table);
    if (ok != NULL) {
        depth->exists = true;
        depth->ready = ok->message_count;
        depth->consumers = ok->consumer_count;
        connection_release(connection);
        return EXIT_OK;
    }
    code = channel_refusal(connection, "cannot look at the queue", &depth->refused);
    /* Rights are asked for before it is looked for; whatever else the broker says, it says of a
     * queue. */
    depth->exists = code == EXIT_OK && depth->refused != EXIT_OK && depth->refused != EXIT_LOGIN;
    return code;
}

enum exit_code queue_ensure(struct connection *connection, const char *queue)
{
    struct queue_depth depth;
    enum exit_code code = queue_look(connection, queue, &depth);
    amqp_connection_state_t state;

    if (code != EXIT_OK || depth.exists)
        return code;
    state = connection_state(connection);
    (void)amqp_queue_declare(state, CONNECTION_CHANNEL, amqp_cstring_bytes(queue), 0, 1, 0, 0,
                             amqp_empty_table);
    code = connection_reply(connection, amqp_get_rpc_reply(state), "cannot declare a queue");
    if (code != EXIT_OK)
        connection_lose(connection);
    return code;
}

enum exit_code exchange_look(struct connection *connection, const char *exchange, bool *exists,
                             enum exit_code *refused)
{
    *refused = EXIT_OK;
    /* The default exchange is always there, and may not be asked for. */
    *exists = *exchange == '\0' ||
              amqp_exchange_declare(connection_state(connection), CONNECTION_CHANNEL,
                                    amqp_cstring_bytes(exchange), amqp_cstring_bytes("direct"), 1,
                                    0, 0, 0, amqp_empty_table) != NULL;
    if (!*exists)
        return channel_refusal(connection, "cannot look at the exchange", refused);
    connection_release(connection);
    return EXIT_OK;
}
