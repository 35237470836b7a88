#include "peek.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"

#include <stdlib.h>

#define ANSWER_MS 15000 /* the broker answers a request within this time */
#define ARRIVE_MS 2000  /* a message in the queue reaches a consumer within this time; */
#define QUIET_MS 500    /* within this, once all that the queue was said to have have arrived */
#define AHEAD 32        /* messages requested ahead, */
#define LARGE 65536     /* unless the last one was larger than this, in bytes */
#define CREDIT 1000     /* prefetch for a stream */
#define UNSETTLED 2000  /* the largest prefetch of a quorum queue */

struct peek {
    struct connection *connection;
    const char *queue;
    enum { BY_GET, BY_CONSUMING, AS_STREAM } way;
    size_t count;    /* wanted */
    size_t expected; /* in the queue, by its depth, up to count */
    size_t asked;
    size_t come;
    bool has_started;
    bool is_empty; /* the broker has said that the queue is */
    struct delivery delivery;
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
    free(peek->delivery.memory);
    free(peek);
}

/* ---- a message as it arrives ---- */

static void start_message(struct peek *peek, uint64_t tag, bool redelivered, amqp_bytes_t exchange,
                          amqp_bytes_t routing_key)
{
    peek->delivery.tag = tag;
    peek->delivery.redelivered = redelivered;
    delivery_begin(&peek->delivery, exchange, routing_key);
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

/* Returns true if the message is whole now. */
static bool take_frame(struct peek *peek, const amqp_frame_t *frame)
{
    if (frame->frame_type != AMQP_FRAME_METHOD)
        return delivery_add(&peek->delivery, frame, SIZE_MAX);
    take_method(peek, &frame->payload.method);
    return false;
}

/* ---- asking for messages ---- */

static bool is_refusal(amqp_rpc_reply_t reply)
{
    return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
           reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
}

/* The broker's answer for a stream that was not known to be one: it closes the connection. */
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
    if (is_refusal(reply)) {
        report("'%s': %s", printable_text(peek->queue), connection_reason(peek->connection));
        (void)connection_close(peek->connection);
        return code;
    }
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

/* Gets the first message by itself, since the broker may refuse. */
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

/* Requests large messages one at a time, so that the broker need not hold many of them. */
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

/* A stream delivers more only for acknowledgements, and keeps its messages all the same. */
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

/* Reads until a message is complete, the queue is empty, or nothing has arrived for too long. */
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
        code = peek->way == BY_GET ? get_first(peek) : consume(peek);
    peek->has_started = true;
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
