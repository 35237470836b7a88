#include "amqp/consumer.h"

#include "amqp/consumer_arrivals.h"
#include "amqp/consumer_settled.h"
#include "amqp/consumer_subscription.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"

#include <stdlib.h>

#define ARRIVE_MS 300   /* that a message which waits in the queue may take to arrive */
#define ANSWER_MS 15000 /* that the broker may take to answer */
#define UNKNOWN_MAX 4   /* times in a row that the queue may not know its consumer */
#define OWED_MAX 50     /* times in a row that it may have a message for it: 15 s */
#define WATCH_MS 5000   /* without a delivery, after which it is asked whether it knows it */

struct consumer {
    struct connection *connection;
    struct consumer_settings settings;
    char own_queue[CONSUMER_QUEUE_SIZE];
    struct subscription subscription;
    struct arrivals arrivals;
    struct settled settled;
    bool awaits_look;  /* the answer to ask_queue() */
    bool is_known;     /* by that answer, the queue knows its consumer */
    bool has_more;     /* by that answer, it has messages, and no other consumer */
    bool is_forgotten; /* by that answer, it has none, and messages for one */
    size_t in_hand;    /* deliveries of the present subscription that are not settled, at most */
    int64_t watch_ms;  /* monotonic clock: when watch() is to ask */
    unsigned watched;  /* generation of the connection for which it is */
    unsigned lost;     /* generation of the connection whose loss was noticed last */
};

static enum exit_code set_up(struct connection *connection, void *context)
{
    struct consumer *consumer = context;
    const struct consumer_settings *settings = &consumer->settings;
    enum exit_code code = settings->declare != NULL ? settings->declare(connection) : EXIT_OK;

    if (code == EXIT_OK && settings->queue == NULL)
        code = settings->own_queue(connection, settings->context, consumer->own_queue);
    if (code != EXIT_OK)
        return code;
    return subscription_start(&consumer->subscription, connection, consumer_queue(consumer),
                              settings->prefetch, settings->counts);
}

struct consumer *consumer_new(const struct broker_options *options,
                              const struct consumer_settings *settings)
{
    struct consumer *consumer = xcalloc(1, sizeof *consumer);

    consumer->settings = *settings;
    consumer->arrivals.max_body = settings->max_body;
    consumer->connection = connection_new(options, "consuming", set_up, consumer);
    return consumer;
}

void consumer_free(struct consumer *consumer)
{
    if (consumer == NULL)
        return;
    connection_free(consumer->connection);
    arrivals_free(&consumer->arrivals);
    free(consumer);
}

const char *consumer_queue(const struct consumer *consumer)
{
    return consumer->settings.queue != NULL ? consumer->settings.queue : consumer->own_queue;
}

unsigned consumer_waiting(const struct consumer *consumer)
{
    return consumer->subscription.ready;
}

unsigned consumer_others(const struct consumer *consumer)
{
    return consumer->subscription.others;
}

struct connection *consumer_connection(struct consumer *consumer)
{
    return consumer->connection;
}

static unsigned generation_of(const struct consumer *consumer)
{
    return connection_generation(consumer->connection);
}

/* ---- reading ---- */

static void take_look(struct consumer *consumer, const amqp_queue_declare_ok_t *look)
{
    consumer->awaits_look = false;
    consumer->is_known = look->consumer_count > 0;
    consumer->has_more = look->consumer_count == 1 && look->message_count > 0;
    consumer->is_forgotten = look->consumer_count == 0 && look->message_count > 0;
}

static void take_delivery(struct consumer *consumer, const amqp_basic_deliver_t *delivery)
{
    consumer->in_hand++;
    arrivals_start(&consumer->arrivals, delivery, generation_of(consumer));
}

static void take_frame(struct consumer *consumer, const amqp_frame_t *frame)
{
    if (frame->frame_type != AMQP_FRAME_METHOD)
        arrivals_add(&consumer->arrivals, frame);
    else if (frame->payload.method.id == AMQP_BASIC_DELIVER_METHOD)
        take_delivery(consumer, frame->payload.method.decoded);
    else if (frame->payload.method.id == AMQP_BASIC_QOS_OK_METHOD)
        settled_answered(&consumer->settled);
    else if (frame->payload.method.id == AMQP_QUEUE_DECLARE_OK_METHOD)
        take_look(consumer, frame->payload.method.decoded);
}

/* Notices once that the present connection, or the last one, is lost. */
static void note_loss(struct consumer *consumer)
{
    if (consumer->lost == generation_of(consumer))
        return;
    consumer->lost = generation_of(consumer);
    if (consumer->settings.on_loss != NULL)
        consumer->settings.on_loss(consumer->settings.context, consumer->arrivals.first);
    arrivals_drop(&consumer->arrivals);
}

/* Reads until enough deliveries have arrived, by number or by size, or there are no more frames. */
static void read_arrivals(struct consumer *consumer, size_t enough)
{
    amqp_frame_t frame;

    while (consumer->arrivals.count < enough && !arrivals_are_full(&consumer->arrivals)) {
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
 * Takes the connection down after a failure whose reason was recorded. Reads first what has arrived
 * all the same, perhaps the broker's reason among it.
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

/* Asks the broker for an answer, to be counted by settled_answered(): sets the prefetch. */
static void ask(struct consumer *consumer)
{
    amqp_basic_qos_t qos = {.prefetch_count = (uint16_t)consumer->settings.prefetch};

    if (!connection_is_up(consumer->connection))
        return;
    settled_asked(&consumer->settled, generation_of(consumer));
    check_sent(consumer,
               amqp_send_method(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                AMQP_BASIC_QOS_METHOD, &qos),
               "cannot ask for an answer");
}

static void start_watch(struct consumer *consumer)
{
    consumer->is_forgotten = false;
    consumer->watch_ms = clock_monotonic_ms() + WATCH_MS;
}

static void watch_connection(struct consumer *consumer)
{
    if (consumer->watched == generation_of(consumer))
        return;
    consumer->watched = generation_of(consumer);
    consumer->awaits_look = false;
    consumer->in_hand = 0;
    start_watch(consumer);
}

enum exit_code consumer_open(struct consumer *consumer)
{
    enum exit_code code = connection_open(consumer->connection);

    if (code != EXIT_OK)
        return code;
    settled_begin(&consumer->settled, generation_of(consumer));
    watch_connection(consumer);
    return EXIT_OK;
}

size_t consumer_unsure(const struct consumer *consumer)
{
    return settled_unseen(&consumer->settled);
}

static void no_answer(struct consumer *consumer)
{
    (void)connection_fault(consumer->connection, EXIT_UNREACHABLE, "no answer for %d s",
                           ANSWER_MS / 1000);
    lose(consumer);
}

/* Returns whether the frame is an answer, or belongs to a delivery for which there is room. */
static bool is_of_use(const struct consumer *consumer, const amqp_frame_t *frame)
{
    return (frame->frame_type == AMQP_FRAME_METHOD &&
            frame->payload.method.id == AMQP_BASIC_QOS_OK_METHOD) ||
           consumer->arrivals.arriving != NULL || !arrivals_are_full(&consumer->arrivals);
}

/*
 * Reads what comes until until_ms (by the monotonic clock), or, if answers_are_enough, until no
 * answer of the broker is to come. Drops deliveries for which there is no room.
 */
static void read_until(struct consumer *consumer, int64_t until_ms, bool answers_are_enough)
{
    int64_t left = until_ms - clock_monotonic_ms();
    amqp_frame_t frame;

    while (connection_is_up(consumer->connection) && left > 0 &&
           (!answers_are_enough || consumer->settled.answers_to_come > 0)) {
        enum connection_event event = connection_read(consumer->connection, &frame);

        if (event == CONNECTION_FRAME && is_of_use(consumer, &frame))
            take_frame(consumer, &frame);
        if (event == CONNECTION_FRAME)
            connection_release(consumer->connection);
        if (event == CONNECTION_QUIET)
            connection_wait(consumer->connection, -1, (int)left);
        left = until_ms - clock_monotonic_ms();
    }
}

void consumer_set_prefetch(struct consumer *consumer, unsigned prefetch)
{
    consumer->settings.prefetch = prefetch;
    consumer->in_hand = 0;
    ask(consumer);
    /* The prefetch of a channel applies to the subscriptions that follow it. */
    if (connection_is_up(consumer->connection))
        check_sent(consumer,
                   subscription_renew(&consumer->subscription, consumer->connection,
                                      consumer_queue(consumer)),
                   "cannot consume");
}

/* ---- taking deliveries ---- */

void consumer_service(struct consumer *consumer)
{
    read_arrivals(consumer, consumer->settings.prefetch);
}

size_t consumer_arrived(struct consumer *consumer)
{
    consumer_service(consumer);
    return consumer->arrivals.count;
}

static size_t hand_out(struct consumer *consumer, struct delivery **batch, size_t max)
{
    size_t count = 0;

    while (count < max && consumer->arrivals.first != NULL)
        batch[count++] = arrivals_take(&consumer->arrivals);
    if (count > 0) {
        connection_progress(consumer->connection);
        start_watch(consumer);
    }
    return count;
}

/* A wait for deliveries of which none comes, on one connection. */
struct silence {
    unsigned generation;
    int64_t until;
    bool is_asked; /* the queue, for a sign of life */
    int unknown;   /* answers by which the queue does not know us, */
    int owed;      /* or has a message for us */
};

/* Looks at the queue (passive declare), without waiting for the answer. */
static void ask_queue(struct consumer *consumer)
{
    amqp_queue_declare_t look = {.queue = amqp_cstring_bytes(consumer_queue(consumer)),
                                 .passive = 1};

    consumer->awaits_look = true;
    check_sent(consumer,
               amqp_send_method(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                AMQP_QUEUE_DECLARE_METHOD, &look),
               "cannot look at the queue");
}

/* Returns whether the answer is that of a queue which is about to hand out a message to us: a slow
 * one answers first. */
static bool is_owed(const struct consumer *consumer)
{
    unsigned prefetch = consumer->settings.prefetch;

    return consumer->has_more && (prefetch == 0 || consumer->in_hand < prefetch);
}

/*
 * Returns whether the answer is that of a queue which knows us, its consumer, and owes us nothing.
 * One without a leader gives an answer, too, and so does, now and then, one that is slow.
 */
static bool is_sign_of_life(struct silence *silence, struct consumer *consumer)
{
    if (consumer->is_known && (!is_owed(consumer) || ++silence->owed > OWED_MAX))
        return true;
    silence->is_asked = false;
    silence->until = clock_monotonic_ms() + ARRIVE_MS;
    if (consumer->is_known || ++silence->unknown < UNKNOWN_MAX)
        return false;
    (void)connection_fault(consumer->connection, EXIT_UNREACHABLE,
                           "the queue does not know its consumer: it has no leader");
    lose(consumer);
    return false;
}

/*
 * A subscription can be lost although its channel lives: a failover, or a partition that heals, has
 * such ends, and the broker says nothing. Returns whether the consumer still has its connection.
 */
static bool watch(struct consumer *consumer)
{
    if (!consumer->awaits_look && clock_monotonic_ms() >= consumer->watch_ms) {
        start_watch(consumer);
        ask_queue(consumer);
    }
    if (consumer->is_forgotten && connection_is_up(consumer->connection)) {
        (void)connection_fault(consumer->connection, EXIT_UNREACHABLE,
                               "the queue has messages, and does not know its consumer any more");
        consumer->is_forgotten = false;
        lose(consumer);
    }
    return connection_is_up(consumer->connection);
}

/* Returns for how long nothing is to be done. */
static int64_t quiet_ms(const struct consumer *consumer, const struct silence *silence,
                        int timeout_ms)
{
    int64_t until_ms = consumer->watch_ms;

    if (timeout_ms >= 0 && silence->until < until_ms)
        until_ms = silence->until;
    return until_ms - clock_monotonic_ms();
}

/* Is the time over, on a connection that works? */
static bool is_over(struct silence *silence, struct consumer *consumer, int timeout_ms)
{
    if (timeout_ms < 0)
        return false;
    if (silence->is_asked && !consumer->awaits_look)
        return is_sign_of_life(silence, consumer);
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
    ask_queue(consumer);
    return false;
}

enum exit_code consumer_take(struct consumer *consumer, struct delivery **batch, size_t max,
                             size_t *count, int timeout_ms)
{
    struct silence silence = {0};

    *count = 0;
    for (;;) {
        enum exit_code code = consumer_open(consumer);
        int64_t left;

        if (code != EXIT_OK)
            return code;
        if (silence.generation != generation_of(consumer))
            silence = (struct silence){.generation = generation_of(consumer),
                                       .until = clock_monotonic_ms() + timeout_ms};
        read_arrivals(consumer, max);
        *count = hand_out(consumer, batch, max);
        if (*count > 0 || stop_requested())
            return EXIT_OK;
        if (!connection_is_up(consumer->connection) || !watch(consumer))
            continue;
        if (is_over(&silence, consumer, timeout_ms))
            return EXIT_OK;
        left = quiet_ms(consumer, &silence, timeout_ms);
        if (connection_is_up(consumer->connection) && left > 0)
            connection_wait(consumer->connection, -1, (int)left);
    }
}

int consumer_count = -1;
int consumer_idle_s = -1;

struct option_entry consumer_option_table[] = {
    {"count", "N", "stop after N deliveries", .number = &consumer_count, .least = 1,
     .most = 1000000000},
    {"idle-timeout", "S", "stop when S seconds pass without a delivery", .number = &consumer_idle_s,
     .most = 86400},
    {0},
};

int consumer_idle_ms(void)
{
    return consumer_idle_s == 0 ? ARRIVE_MS : consumer_idle_s * 1000;
}

/* ---- settling ---- */

bool consumer_is_current(struct consumer *consumer, const struct delivery *delivery)
{
    return connection_is_up(consumer->connection) &&
           delivery->generation == generation_of(consumer);
}

static void note_settled(struct consumer *consumer, size_t count)
{
    consumer->in_hand -= count < consumer->in_hand ? count : consumer->in_hand;
}

static void check_settled(struct consumer *consumer, int status, const char *what)
{
    check_sent(consumer, status, what);
    if (settled_answer_is_due(&consumer->settled))
        ask(consumer);
}

/* Settles one delivery with send, amqp_basic_ack() or amqp_basic_reject(). */
static void settle(struct consumer *consumer, struct delivery *delivery,
                   int (*send)(amqp_connection_state_t, amqp_channel_t, uint64_t, amqp_boolean_t),
                   const char *what)
{
    if (consumer_is_current(consumer, delivery)) {
        settled_add_single(&consumer->settled, delivery->generation);
        note_settled(consumer, 1);
        check_settled(
            consumer,
            send(connection_state(consumer->connection), CONNECTION_CHANNEL, delivery->tag, 0),
            what);
    }
    consumer_let_go(consumer, delivery);
}

void consumer_ack(struct consumer *consumer, struct delivery *delivery)
{
    settle(consumer, delivery, amqp_basic_ack, "cannot acknowledge");
}

void consumer_reject(struct consumer *consumer, struct delivery *delivery)
{
    settle(consumer, delivery, amqp_basic_reject, "cannot reject");
}

void consumer_let_go(struct consumer *consumer, struct delivery *delivery)
{
    arrivals_recycle(&consumer->arrivals, delivery);
}

void consumer_ack_batch(struct consumer *consumer, struct delivery **batch, size_t count)
{
    if (count == 0)
        return;
    /* The tags of a batch ascend, and all of it came on one connection. */
    if (consumer_is_current(consumer, batch[count - 1])) {
        settled_add(&consumer->settled, batch[count - 1]->generation, count);
        note_settled(consumer, count);
        check_settled(consumer,
                      amqp_basic_ack(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                     batch[count - 1]->tag, 1),
                      "cannot acknowledge");
    }
    for (size_t i = 0; i < count; i++)
        consumer_let_go(consumer, batch[i]);
}

bool consumer_finish(struct consumer *consumer)
{
    if (consumer_unsure(consumer) > 0 && connection_is_up(consumer->connection)) {
        ask(consumer);
        read_until(consumer, clock_monotonic_ms() + ANSWER_MS, true);
        if (connection_is_up(consumer->connection) && consumer->settled.answers_to_come > 0)
            no_answer(consumer);
    }
    read_until(consumer, settled_taken_in_ms(&consumer->settled), false);
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
