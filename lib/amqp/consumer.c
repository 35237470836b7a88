#include "amqp/consumer.h"

#include "amqp/connection.h"
#include "amqp/queue.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 16384 /* memory of a delivery that is kept for the next one */
#define WAIT_MS 60000
#define ARRIVE_MS 300
#define ARRIVED_BYTES ((size_t)16 << 20) /* with so many in memory, no more deliveries are read */
#define ANSWER_MS 15000                  /* that the broker may take to answer */
#define ASK_EVERY 256 /* settled deliveries, after which the broker is asked for an answer */
#define BURST_MS 50
#define BURST \
    16 /* acknowledgements and the like within that time, which any queue takes in without delay \
        */
#define TAKEN_IN_MS 250 /* that a queue may take for more of them */
#define TAG_SIZE 32

struct consumer {
    struct connection *connection;
    struct consumer_settings settings;
    char own_queue[CONSUMER_QUEUE_SIZE];
    unsigned waiting;
    struct delivery *arriving; /* has its method, not yet all of its body */
    bool has_header;
    uint64_t received;      /* bytes of its body */
    struct delivery *first; /* arrived, not yet taken */
    struct delivery *last;
    size_t arrived;
    size_t arrived_bytes;
    struct delivery *spare;
    struct delivery *newest;  /* of all that were made, wherever they are */
    unsigned others;          /* consumers of the queue before this one */
    unsigned subscription;    /* number of the present one, which names it */
    unsigned settled_on;      /* generation of the connection that these are about: */
    uint64_t settled;         /* deliveries */
    uint64_t asked;           /* of them, settled before the broker was last asked for an answer */
    uint64_t seen;            /* of them, settled before it was last asked and has answered */
    unsigned answers_to_come; /* from the broker */
    unsigned lost;            /* generation of the connection that was last found to be lost */
    unsigned sent; /* acknowledgements and the like of single deliveries within the BURST_MS */
    int64_t sent_since_ms; /* from here on */
    int64_t burst_ms;      /* when there were more than BURST of them, last */
};

static void tag_of(unsigned subscription, char tag[TAG_SIZE])
{
    (void)snprintf(tag, TAG_SIZE, "order-tools-%u", subscription);
}

static enum exit_code set_up(struct connection *connection, void *context)
{
    struct consumer *consumer = context;
    char tag[TAG_SIZE];
    struct queue_depth depth;
    enum exit_code code =
        consumer->settings.declare != NULL ? consumer->settings.declare(connection) : EXIT_OK;

    if (code == EXIT_OK && consumer->settings.queue == NULL)
        code = consumer->settings.own_queue(connection, consumer->settings.context,
                                            consumer->own_queue);
    if (code == EXIT_OK)
        code = queue_look(connection, consumer_queue(consumer), &depth);
    if (code == EXIT_OK)
        code = depth.refused;
    if (code != EXIT_OK)
        return code;
    if (!depth.exists)
        return connection_fault(connection, EXIT_TOPOLOGY, "there is no queue '%s'",
                                consumer_queue(consumer));
    consumer->waiting = depth.ready;
    consumer->others = depth.consumers;
    tag_of(++consumer->subscription, tag);
    (void)amqp_basic_qos(connection_state(connection), CONNECTION_CHANNEL, 0,
                         (uint16_t)consumer->settings.prefetch, 0);
    code = connection_reply(connection, amqp_get_rpc_reply(connection_state(connection)),
                            "cannot set the prefetch");
    if (code != EXIT_OK)
        return code;
    (void)amqp_basic_consume(connection_state(connection), CONNECTION_CHANNEL,
                             amqp_cstring_bytes(consumer_queue(consumer)), amqp_cstring_bytes(tag),
                             0, 0, 0, amqp_empty_table);
    return connection_reply(connection, amqp_get_rpc_reply(connection_state(connection)),
                            "cannot consume");
}

struct consumer *consumer_new(const struct broker_options *options,
                              const struct consumer_settings *settings)
{
    struct consumer *consumer = xcalloc(1, sizeof *consumer);

    consumer->settings = *settings;
    consumer->connection = connection_new(options, "consuming", set_up, consumer);
    return consumer;
}

void consumer_free(struct consumer *consumer)
{
    if (consumer == NULL)
        return;
    connection_free(consumer->connection);
    while (consumer->newest != NULL) {
        struct delivery *older = consumer->newest->older;

        free(consumer->newest->memory);
        free(consumer->newest);
        consumer->newest = older;
    }
    free(consumer);
}

unsigned consumer_waiting(const struct consumer *consumer)
{
    return consumer->waiting;
}

unsigned consumer_others(const struct consumer *consumer)
{
    return consumer->others;
}

const char *consumer_queue(const struct consumer *consumer)
{
    return consumer->settings.queue != NULL ? consumer->settings.queue : consumer->own_queue;
}

struct connection *consumer_connection(struct consumer *consumer)
{
    return consumer->connection;
}

/* ---- deliveries as they arrive ---- */

static struct delivery *new_delivery(struct consumer *consumer)
{
    struct delivery *delivery = consumer->spare;

    if (delivery == NULL) {
        delivery = xcalloc(1, sizeof *delivery);
        delivery->older = consumer->newest;
        consumer->newest = delivery;
        return delivery;
    }
    consumer->spare = delivery->next;
    *delivery = (struct delivery){
        .memory = delivery->memory, .capacity = delivery->capacity, .older = delivery->older};
    return delivery;
}

static void recycle(struct consumer *consumer, struct delivery *delivery)
{
    if (delivery->capacity > SMALL) {
        free(delivery->memory);
        delivery->memory = NULL;
        delivery->capacity = 0;
    }
    delivery->next = consumer->spare;
    consumer->spare = delivery;
}

static void add_bytes(struct delivery *delivery, const void *bytes, size_t len)
{
    if (delivery->used + len > delivery->capacity) {
        size_t capacity = delivery->capacity < 512 ? 1024 : delivery->capacity * 2;

        delivery->capacity = delivery->used + len > capacity ? delivery->used + len : capacity;
        delivery->memory = xrealloc(delivery->memory, delivery->capacity);
    }
    if (len > 0)
        memcpy(delivery->memory + delivery->used, bytes, len);
    delivery->used += len;
}

static void start_delivery(struct consumer *consumer, const amqp_basic_deliver_t *m)
{
    struct delivery *delivery = new_delivery(consumer);

    if (consumer->arriving != NULL)
        recycle(consumer, consumer->arriving);
    consumer->arriving = delivery;
    consumer->has_header = false;
    consumer->received = 0;
    delivery->tag = m->delivery_tag;
    delivery->generation = connection_generation(consumer->connection);
    delivery->redelivered = m->redelivered != 0;
    /* Only lengths for now: the memory still moves while it grows. */
    delivery->exchange.len = m->exchange.len;
    delivery->routing_key.len = m->routing_key.len;
    add_bytes(delivery, m->exchange.bytes, m->exchange.len);
    add_bytes(delivery, m->routing_key.bytes, m->routing_key.len);
}

static void finish_delivery(struct consumer *consumer)
{
    struct delivery *delivery = consumer->arriving;
    char *at = delivery->memory;

    delivery->exchange.bytes = at;
    delivery->routing_key.bytes = at + delivery->exchange.len;
    delivery->properties.bytes = at + delivery->exchange.len + delivery->routing_key.len;
    delivery->body.bytes = (char *)delivery->properties.bytes + delivery->properties.len;
    delivery->body.len = delivery->used - (size_t)((char *)delivery->body.bytes - at);
    delivery->next = NULL;
    if (consumer->last != NULL)
        consumer->last->next = delivery;
    else
        consumer->first = delivery;
    consumer->last = delivery;
    consumer->arrived++;
    consumer->arrived_bytes += delivery->used;
    consumer->arriving = NULL;
}

static void take_body_part(struct consumer *consumer, amqp_bytes_t part)
{
    uint64_t left = consumer->received < consumer->settings.max_body
                        ? consumer->settings.max_body - consumer->received
                        : 0;

    add_bytes(consumer->arriving, part.bytes, part.len < left ? part.len : (size_t)left);
    consumer->received += part.len;
}

static void take_method(struct consumer *consumer, const amqp_method_t *method)
{
    if (method->id == AMQP_BASIC_DELIVER_METHOD)
        start_delivery(consumer, method->decoded);
    if (method->id == AMQP_BASIC_QOS_OK_METHOD && consumer->answers_to_come > 0 &&
        --consumer->answers_to_come == 0)
        consumer->seen = consumer->asked;
}

static void take_frame(struct consumer *consumer, const amqp_frame_t *frame)
{
    struct delivery *delivery = consumer->arriving;

    if (frame->frame_type == AMQP_FRAME_METHOD) {
        take_method(consumer, &frame->payload.method);
        return;
    }
    if (delivery == NULL)
        return;
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        consumer->has_header = true;
        delivery->body_size = frame->payload.properties.body_size;
        delivery->properties.len = frame->payload.properties.raw.len;
        add_bytes(delivery, frame->payload.properties.raw.bytes, frame->payload.properties.raw.len);
    } else if (consumer->has_header) {
        take_body_part(consumer, frame->payload.body_fragment);
    }
    if (consumer->has_header && consumer->received >= delivery->body_size)
        finish_delivery(consumer);
}

/* What was not yet taken comes again. */
static void forget_arrived(struct consumer *consumer)
{
    while (consumer->first != NULL) {
        struct delivery *next = consumer->first->next;

        recycle(consumer, consumer->first);
        consumer->first = next;
    }
    consumer->last = NULL;
    consumer->arrived = 0;
    consumer->arrived_bytes = 0;
    if (consumer->arriving != NULL)
        recycle(consumer, consumer->arriving);
    consumer->arriving = NULL;
}

/* The present connection, or the last one, is lost. Does something only the first time. */
static void note_loss(struct consumer *consumer)
{
    unsigned generation = connection_generation(consumer->connection);

    if (consumer->lost == generation)
        return;
    consumer->lost = generation;
    if (consumer->settings.on_loss != NULL)
        consumer->settings.on_loss(consumer->settings.context, consumer->first);
    forget_arrived(consumer);
}

/* Reads frames until enough deliveries have arrived, by number or by size, or no more frames. */
static void read_arrivals(struct consumer *consumer, size_t enough)
{
    amqp_frame_t frame;

    while (consumer->arrived < enough && consumer->arrived_bytes < ARRIVED_BYTES) {
        enum connection_event event = connection_read(consumer->connection, &frame);

        if (event == CONNECTION_DOWN)
            note_loss(consumer);
        if (event != CONNECTION_FRAME)
            break;
        take_frame(consumer, &frame);
        connection_release(consumer->connection);
    }
}

/*
 * After a failure that was noted: what has arrived all the same, the broker's reason perhaps among
 * it, is read first.
 */
static void lose(struct consumer *consumer)
{
    read_arrivals(consumer, SIZE_MAX);
    connection_lose(consumer->connection);
    note_loss(consumer);
}

/* ---- what the broker has seen ---- */

static void check_sent(struct consumer *consumer, int status, const char *what)
{
    if (connection_status(consumer->connection, status, what) != EXIT_OK)
        lose(consumer);
}

/* What is counted is about one connection only. */
static void count_anew(struct consumer *consumer)
{
    if (consumer->settled_on == connection_generation(consumer->connection))
        return;
    consumer->settled_on = connection_generation(consumer->connection);
    consumer->settled = 0;
    consumer->asked = 0;
    consumer->seen = 0;
    consumer->answers_to_come = 0;
}

/*
 * The broker handles what comes on a channel in turn: with its answer it has handled all that was
 * sent before.
 */
static void ask(struct consumer *consumer)
{
    amqp_basic_qos_t qos = {.prefetch_count = (uint16_t)consumer->settings.prefetch};

    if (!connection_is_up(consumer->connection))
        return;
    count_anew(consumer);
    consumer->asked = consumer->settled;
    consumer->answers_to_come++;
    check_sent(consumer,
               amqp_send_method(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                AMQP_BASIC_QOS_METHOD, &qos),
               "cannot ask for an answer");
}

/* So many deliveries are about to be settled: counted first, since that may fail on the way. */
static void count_settled(struct consumer *consumer, size_t count)
{
    count_anew(consumer);
    consumer->settled += count;
}

/* One that is about a single delivery: those about a batch are too few to matter. */
static void note_single(struct consumer *consumer)
{
    int64_t now = clock_monotonic_ms();

    if (now - consumer->sent_since_ms >= BURST_MS) {
        consumer->sent_since_ms = now;
        consumer->sent = 0;
    }
    if (++consumer->sent > BURST)
        consumer->burst_ms = now;
}

static void settlement_sent(struct consumer *consumer, int status, const char *what)
{
    check_sent(consumer, status, what);
    if (consumer->answers_to_come == 0 && consumer->settled - consumer->asked >= ASK_EVERY)
        ask(consumer);
}

enum exit_code consumer_open(struct consumer *consumer)
{
    enum exit_code code = connection_open(consumer->connection);

    if (code == EXIT_OK)
        count_anew(consumer);
    return code;
}

size_t consumer_unsure(const struct consumer *consumer)
{
    return (size_t)(consumer->settled - consumer->seen);
}

static void no_answer(struct consumer *consumer)
{
    (void)connection_fault(consumer->connection, EXIT_UNREACHABLE, "no answer for %d s",
                           ANSWER_MS / 1000);
    lose(consumer);
}

/* Is it an answer, or about a delivery for which there is room? */
static bool is_of_use(const struct consumer *consumer, const amqp_frame_t *frame)
{
    return (frame->frame_type == AMQP_FRAME_METHOD &&
            frame->payload.method.id == AMQP_BASIC_QOS_OK_METHOD) ||
           consumer->arriving != NULL || consumer->arrived_bytes < ARRIVED_BYTES;
}

/* Reads what comes until then, or until no answer is to come if that is enough; drops deliveries
 * for which there is no room. */
static void read_until(struct consumer *consumer, int64_t until, bool answers_are_enough)
{
    int64_t left = until - clock_monotonic_ms();
    amqp_frame_t frame;

    while (connection_is_up(consumer->connection) && left > 0 &&
           (!answers_are_enough || consumer->answers_to_come > 0)) {
        enum connection_event event = connection_read(consumer->connection, &frame);

        if (event == CONNECTION_FRAME && is_of_use(consumer, &frame))
            take_frame(consumer, &frame);
        if (event == CONNECTION_FRAME)
            connection_release(consumer->connection);
        if (event == CONNECTION_QUIET)
            connection_wait(consumer->connection, -1, (int)left);
        left = until - clock_monotonic_ms();
    }
}

static void await_answers(struct consumer *consumer)
{
    read_until(consumer, clock_monotonic_ms() + ANSWER_MS, true);
    if (connection_is_up(consumer->connection) && consumer->answers_to_come > 0)
        no_answer(consumer);
}

void consumer_set_prefetch(struct consumer *consumer, unsigned prefetch)
{
    amqp_basic_consume_t consume = {.queue = amqp_cstring_bytes(consumer_queue(consumer)),
                                    .nowait = 1};
    amqp_basic_cancel_t cancel = {.nowait = 1};
    char old_tag[TAG_SIZE];
    char new_tag[TAG_SIZE];

    consumer->settings.prefetch = prefetch;
    if (!connection_is_up(consumer->connection))
        return;
    tag_of(consumer->subscription++, old_tag);
    tag_of(consumer->subscription, new_tag);
    cancel.consumer_tag = amqp_cstring_bytes(old_tag);
    consume.consumer_tag = amqp_cstring_bytes(new_tag);
    /*
     * A prefetch is of the subscriptions that follow it. The old one ends last: a queue that goes
     * with its last consumer must never be without one.
     */
    ask(consumer);
    if (connection_is_up(consumer->connection))
        check_sent(consumer,
                   amqp_send_method(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                    AMQP_BASIC_CONSUME_METHOD, &consume),
                   "cannot consume");
    if (connection_is_up(consumer->connection))
        check_sent(consumer,
                   amqp_send_method(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                    AMQP_BASIC_CANCEL_METHOD, &cancel),
                   "cannot consume");
}

/* ---- deliveries as they are taken ---- */

void consumer_service(struct consumer *consumer)
{
    read_arrivals(consumer, consumer->settings.prefetch);
}

size_t consumer_arrived(struct consumer *consumer)
{
    consumer_service(consumer);
    return consumer->arrived;
}

static size_t hand_out(struct consumer *consumer, struct delivery **batch, size_t max)
{
    size_t count = 0;

    while (count < max && consumer->first != NULL) {
        batch[count++] = consumer->first;
        consumer->arrived_bytes -= consumer->first->used;
        consumer->first = consumer->first->next;
        consumer->arrived--;
    }
    if (consumer->first == NULL)
        consumer->last = NULL;
    if (count > 0)
        connection_progress(consumer->connection);
    return count;
}

/* Nothing has come on the present connection for as long as it was waited for. */
struct silence {
    unsigned generation;
    int64_t until;
    bool is_asked; /* the broker, for a sign of life */
};

static void start_silence(struct silence *silence, const struct consumer *consumer, int timeout_ms)
{
    silence->generation = connection_generation(consumer->connection);
    silence->until = clock_monotonic_ms() + timeout_ms;
    silence->is_asked = false;
}

/* Is the time over, on a connection that works? */
static bool is_over(struct silence *silence, struct consumer *consumer, int timeout_ms)
{
    if (timeout_ms < 0)
        return false;
    if (silence->is_asked && consumer->answers_to_come == 0)
        return true;
    if (clock_monotonic_ms() < silence->until)
        return false;
    if (timeout_ms < ARRIVE_MS)
        return true;
    if (silence->is_asked) {
        no_answer(consumer);
        return false;
    }
    silence->is_asked = true;
    silence->until = clock_monotonic_ms() + ANSWER_MS;
    ask(consumer);
    return false;
}

enum exit_code consumer_take(struct consumer *consumer, struct delivery **batch, size_t max,
                             size_t *count, int timeout_ms)
{
    struct silence silence = {0};

    *count = 0;
    start_silence(&silence, consumer, timeout_ms);
    for (;;) {
        enum exit_code code = connection_open(consumer->connection);
        int64_t left = WAIT_MS;

        if (code != EXIT_OK)
            return code;
        if (silence.generation != connection_generation(consumer->connection)) {
            start_silence(&silence, consumer, timeout_ms);
            count_anew(consumer);
        }
        read_arrivals(consumer, max);
        *count = hand_out(consumer, batch, max);
        if (*count > 0 || stop_requested())
            return EXIT_OK;
        if (!connection_is_up(consumer->connection))
            continue;
        if (is_over(&silence, consumer, timeout_ms))
            return EXIT_OK;
        if (timeout_ms >= 0)
            left = silence.until - clock_monotonic_ms();
        if (connection_is_up(consumer->connection) && left > 0)
            connection_wait(consumer->connection, -1, left > WAIT_MS ? WAIT_MS : (int)left);
    }
}

int consumer_idle_ms(long seconds)
{
    return seconds == 0 ? ARRIVE_MS : (int)seconds * 1000;
}

/* ---- settling ---- */

bool consumer_is_current(struct consumer *consumer, const struct delivery *delivery)
{
    return connection_is_up(consumer->connection) &&
           delivery->generation == connection_generation(consumer->connection);
}

void consumer_ack(struct consumer *consumer, struct delivery *delivery)
{
    if (consumer_is_current(consumer, delivery)) {
        count_settled(consumer, 1);
        note_single(consumer);
        settlement_sent(consumer,
                        amqp_basic_ack(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                       delivery->tag, 0),
                        "cannot acknowledge");
    }
    recycle(consumer, delivery);
}

void consumer_reject(struct consumer *consumer, struct delivery *delivery)
{
    if (consumer_is_current(consumer, delivery)) {
        count_settled(consumer, 1);
        note_single(consumer);
        settlement_sent(consumer,
                        amqp_basic_reject(connection_state(consumer->connection),
                                          CONNECTION_CHANNEL, delivery->tag, 0),
                        "cannot reject");
    }
    recycle(consumer, delivery);
}

void consumer_let_go(struct consumer *consumer, struct delivery *delivery)
{
    recycle(consumer, delivery);
}

void consumer_ack_batch(struct consumer *consumer, struct delivery **batch, size_t count)
{
    if (count == 0)
        return;
    /* The tags of a batch ascend, and all of it came on one connection. */
    if (consumer_is_current(consumer, batch[count - 1])) {
        count_settled(consumer, count);
        settlement_sent(consumer,
                        amqp_basic_ack(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                       batch[count - 1]->tag, 1),
                        "cannot acknowledge");
    }
    for (size_t i = 0; i < count; i++)
        recycle(consumer, batch[i]);
}

bool consumer_finish(struct consumer *consumer)
{
    if (consumer_unsure(consumer) > 0 && connection_is_up(consumer->connection)) {
        ask(consumer);
        await_answers(consumer);
    }
    /*
     * A quorum queue takes in some 32 of them at a time. What exceeds that waits within the
     * channel, whatever that has answered by then, and goes with it (rabbitmq-server, issue 10327).
     */
    if (consumer->burst_ms > 0)
        read_until(consumer, consumer->burst_ms + TAKEN_IN_MS, false);
    (void)connection_close(consumer->connection);
    note_loss(consumer);
    return consumer_unsure(consumer) == 0;
}

enum exit_code consumer_end(struct consumer *consumer)
{
    size_t unsure;

    if (consumer_finish(consumer))
        return EXIT_OK;
    unsure = consumer_unsure(consumer);
    report(
        "%zu message%s of '%s' may come again: the broker may not have seen the acknowledgements",
        unsure, unsure == 1 ? "" : "s", consumer->settings.queue);
    return EXIT_UNREACHABLE;
}

const amqp_basic_properties_t *delivery_properties(const struct delivery *delivery,
                                                   amqp_pool_t *pool)
{
    void *decoded;

    if (amqp_decode_properties(AMQP_BASIC_CLASS, pool, delivery->properties, &decoded) < 0)
        return NULL;
    return decoded;
}
