#include "peek.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 15000 /* that the broker may take to answer */
#define ARRIVE_MS 2000  /* that a message in the queue may take to come to a consumer */
#define QUIET_MS 500    /* the same, once as many have come as it said there are */
#define AHEAD 32        /* messages that are asked for at once, */
#define LARGE 65536     /* unless the last one had more bytes than this */
#define CREDIT 1000     /* messages of a stream that may be on their way */
#define UNSETTLED 2000  /* that a quorum queue gives a consumer at most */

struct peek {
    struct connection *connection;
    const char *queue;
    enum { BY_GET, BY_CONSUMING, AS_STREAM } way;
    size_t count;    /* wanted */
    size_t expected; /* said to be there */
    size_t asked;
    size_t come;
    bool has_started;
    bool is_empty; /* the broker has said so */
    struct delivery delivery;
    bool has_header;
};

struct peek *peek_new(struct connection *connection, const char *queue,
                      const struct queue_traits *traits, size_t count)
{
    struct peek *peek = xcalloc(1, sizeof *peek);

    peek->connection = connection;
    peek->queue = queue;
    peek->count = count;
    peek->expected = traits->ready < count ? traits->ready : count;
    peek->way = BY_GET;
    if (traits->type == QUEUE_STREAM)
        peek->way = AS_STREAM;
    else if (traits->type == QUEUE_QUORUM && traits->single_active)
        peek->way = BY_CONSUMING;
    if (peek->way != AS_STREAM)
        peek->count = peek->expected;
    return peek;
}

void peek_free(struct peek *peek)
{
    if (peek == NULL)
        return;
    free(peek->delivery.memory);
    free(peek);
}

/* ---- a message as it arrives ---- */

static void add_bytes(struct delivery *delivery, amqp_bytes_t bytes)
{
    if (delivery->used + bytes.len > delivery->capacity) {
        size_t capacity = delivery->capacity * 2;

        delivery->capacity =
            delivery->used + bytes.len > capacity ? delivery->used + bytes.len : capacity;
        delivery->memory = xrealloc(delivery->memory, delivery->capacity);
    }
    if (bytes.len > 0)
        memcpy(delivery->memory + delivery->used, bytes.bytes, bytes.len);
    delivery->used += bytes.len;
}

/* The memory moves while it grows: only lengths for now. */
static void start_message(struct peek *peek, uint64_t tag, bool redelivered, amqp_bytes_t exchange,
                          amqp_bytes_t routing_key)
{
    struct delivery *delivery = &peek->delivery;

    peek->has_header = false;
    delivery->tag = tag;
    delivery->redelivered = redelivered;
    delivery->used = 0;
    delivery->exchange.len = exchange.len;
    delivery->routing_key.len = routing_key.len;
    delivery->properties.len = 0;
    delivery->body.len = 0;
    add_bytes(delivery, exchange);
    add_bytes(delivery, routing_key);
}

static void set_pointers(struct delivery *delivery)
{
    char *at = delivery->memory;

    delivery->exchange.bytes = at;
    delivery->routing_key.bytes = at + delivery->exchange.len;
    delivery->properties.bytes = at + delivery->exchange.len + delivery->routing_key.len;
    delivery->body.bytes = (char *)delivery->properties.bytes + delivery->properties.len;
}

static void take_method(struct peek *peek, const amqp_method_t *method)
{
    if (method->id == AMQP_BASIC_GET_OK_METHOD) {
        const amqp_basic_get_ok_t *m = method->decoded;

        start_message(peek, m->delivery_tag, m->redelivered != 0, m->exchange, m->routing_key);
    } else if (method->id == AMQP_BASIC_DELIVER_METHOD) {
        const amqp_basic_deliver_t *m = method->decoded;

        start_message(peek, m->delivery_tag, m->redelivered != 0, m->exchange, m->routing_key);
    } else if (method->id == AMQP_BASIC_GET_EMPTY_METHOD) {
        peek->is_empty = true;
    }
}

/* True if the message is whole now. */
static bool take_frame(struct peek *peek, const amqp_frame_t *frame)
{
    struct delivery *delivery = &peek->delivery;

    if (frame->frame_type == AMQP_FRAME_METHOD) {
        take_method(peek, &frame->payload.method);
        return false;
    }
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        peek->has_header = true;
        delivery->body_size = frame->payload.properties.body_size;
        delivery->properties.len = frame->payload.properties.raw.len;
        add_bytes(delivery, frame->payload.properties.raw);
    } else if (frame->frame_type == AMQP_FRAME_BODY && peek->has_header) {
        delivery->body.len += frame->payload.body_fragment.len;
        add_bytes(delivery, frame->payload.body_fragment);
    }
    if (!peek->has_header || delivery->body.len < delivery->body_size)
        return false;
    peek->has_header = false;
    set_pointers(delivery);
    return true;
}

/* ---- asking for messages ---- */

/* Nothing more can come of a connection after this. */
static enum exit_code refuse(struct peek *peek, enum exit_code code)
{
    report("'%s': %s", printable_text(peek->queue), connection_reason(peek->connection));
    (void)connection_close(peek->connection);
    return code;
}

static bool is_refusal(amqp_rpc_reply_t reply)
{
    return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
           reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
}

/* A stream of which nobody told us that it is one: the broker says so by closing the connection. */
static bool is_no_get(amqp_rpc_reply_t reply)
{
    return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
           reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD &&
           ((const amqp_connection_close_t *)reply.reply.decoded)->reply_code ==
               AMQP_NOT_IMPLEMENTED;
}

static enum exit_code check_reply(struct peek *peek, amqp_rpc_reply_t reply, const char *what)
{
    enum exit_code code = connection_reply(peek->connection, reply, what);

    if (code == EXIT_OK)
        return EXIT_OK;
    if (is_refusal(reply))
        return refuse(peek, code);
    connection_lose(peek->connection);
    return EXIT_UNREACHABLE;
}

static enum exit_code consume(struct peek *peek)
{
    size_t most = peek->way == AS_STREAM ? CREDIT : UNSETTLED;
    amqp_table_entry_t offset = {.key = amqp_cstring_bytes("x-stream-offset")};
    amqp_table_t arguments = {.num_entries = peek->way == AS_STREAM ? 1 : 0, .entries = &offset};
    enum exit_code code;

    offset.value.kind = AMQP_FIELD_KIND_UTF8;
    offset.value.value.bytes = amqp_cstring_bytes("first");
    (void)amqp_basic_qos(connection_state(peek->connection), CONNECTION_CHANNEL, 0,
                         (uint16_t)(peek->count < most ? peek->count : most), 0);
    code = check_reply(peek, amqp_get_rpc_reply(connection_state(peek->connection)),
                       "cannot set the prefetch");
    if (code != EXIT_OK)
        return code;
    (void)amqp_basic_consume(connection_state(peek->connection), CONNECTION_CHANNEL,
                             amqp_cstring_bytes(peek->queue), amqp_empty_bytes, 0, 0, 0, arguments);
    return check_reply(peek, amqp_get_rpc_reply(connection_state(peek->connection)),
                       "cannot consume");
}

/* The first alone, since it may be refused. */
static enum exit_code get_first(struct peek *peek)
{
    amqp_rpc_reply_t reply = amqp_basic_get(connection_state(peek->connection), CONNECTION_CHANNEL,
                                            amqp_cstring_bytes(peek->queue), 0);

    if (is_no_get(reply)) {
        enum exit_code code;

        (void)connection_close(peek->connection);
        peek->way = AS_STREAM;
        code = connection_open(peek->connection);
        return code == EXIT_OK ? consume(peek) : code;
    }
    peek->asked = 1;
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        take_method(peek, &reply.reply);
    return check_reply(peek, reply, "cannot get a message");
}

static enum exit_code start(struct peek *peek)
{
    peek->has_started = true;
    return peek->way == BY_GET ? get_first(peek) : consume(peek);
}

/* Large ones one at a time, so that the broker need not hold many for us. */
static enum exit_code ask_ahead(struct peek *peek)
{
    amqp_basic_get_t m = {.queue = amqp_cstring_bytes(peek->queue)};
    size_t ahead = peek->come == 0 || peek->delivery.used > LARGE ? 1 : AHEAD;

    while (peek->asked < peek->count && peek->asked < peek->come + ahead) {
        if (connection_status(peek->connection,
                              amqp_send_method(connection_state(peek->connection),
                                               CONNECTION_CHANNEL, AMQP_BASIC_GET_METHOD, &m),
                              "cannot get a message") != EXIT_OK) {
            connection_lose(peek->connection);
            return EXIT_UNREACHABLE;
        }
        peek->asked++;
    }
    return EXIT_OK;
}

/* A stream gives more only for what is acknowledged; it keeps that all the same. */
static void acknowledge(struct peek *peek)
{
    if (peek->way == AS_STREAM && peek->come % (CREDIT / 2) == 0 &&
        connection_status(peek->connection,
                          amqp_basic_ack(connection_state(peek->connection), CONNECTION_CHANNEL,
                                         peek->delivery.tag, 1),
                          "cannot acknowledge") != EXIT_OK)
        connection_lose(peek->connection);
}

static int64_t patience_ms(const struct peek *peek)
{
    if (peek->way == BY_GET)
        return ANSWER_MS;
    return peek->come < peek->expected ? ARRIVE_MS : QUIET_MS;
}

/* Reads until a message is whole, the queue is empty, or nothing has come for long enough. */
static enum exit_code await_message(struct peek *peek, bool *is_whole)
{
    int64_t until = clock_monotonic_ms() + patience_ms(peek);

    *is_whole = false;
    while (!*is_whole && !peek->is_empty) {
        amqp_frame_t frame;
        enum connection_event event = connection_read(peek->connection, &frame);
        int64_t left = until - clock_monotonic_ms();

        if (event == CONNECTION_DOWN)
            return EXIT_UNREACHABLE;
        if (event == CONNECTION_FRAME) {
            *is_whole = take_frame(peek, &frame);
            connection_release(peek->connection);
            until = clock_monotonic_ms() + patience_ms(peek);
        } else if (stop_requested() || (left <= 0 && peek->way != BY_GET)) {
            return EXIT_OK;
        } else if (left <= 0) {
            (void)connection_fault(peek->connection, EXIT_UNREACHABLE, "it does not answer");
            connection_lose(peek->connection);
            return EXIT_UNREACHABLE;
        } else {
            connection_wait(peek->connection, -1, (int)left);
        }
    }
    return EXIT_OK;
}

enum exit_code peek_next(struct peek *peek, const struct delivery **delivery)
{
    enum exit_code code = EXIT_OK;
    bool is_whole = false;

    *delivery = NULL;
    if (peek->come == peek->count || peek->is_empty || stop_requested())
        return EXIT_OK;
    if (!peek->has_started)
        code = start(peek);
    if (code == EXIT_OK && peek->way == BY_GET)
        code = ask_ahead(peek);
    if (code == EXIT_OK)
        code = await_message(peek, &is_whole);
    if (code != EXIT_OK || !is_whole)
        return code;
    peek->come++;
    acknowledge(peek);
    *delivery = &peek->delivery;
    return EXIT_OK;
}
