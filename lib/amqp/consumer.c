#include "amqp/consumer.h"

#include "amqp/consumer_arrivals.h"
#include "amqp/consumer_settled.h"
#include "amqp/consumer_silence.h"
#include "amqp/consumer_subscription.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/supervisor.h"

#include <stdlib.h>

struct consumer {
    struct connection *connection;
    struct consumer_settings settings;
    char own_queue[CONSUMER_QUEUE_SIZE];
    struct subscription subscription;
    struct arrivals arrivals;
    struct settled settled;
    struct lookout lookout;
    unsigned watched; /* generation of the connection for which it is */
    size_t in_hand;   /* deliveries of the present subscription that are not settled, at most */
    unsigned lost;    /* generation of the connection whose loss was noticed last */
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

static void take_answer(struct consumer *consumer, const amqp_queue_declare_ok_t *answer)
{
    lookout_answered(&consumer->lookout, answer->message_count, answer->consumer_count);
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
        take_answer(consumer, frame->payload.method.decoded);
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

static void watch_connection(struct consumer *consumer)
{
    if (consumer->watched == generation_of(consumer))
        return;
    consumer->watched = generation_of(consumer);
    consumer->in_hand = 0;
    lookout_start(&consumer->lookout, clock_monotonic_ms());
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
                           SILENCE_ANSWER_MS / 1000);
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
        lookout_put_off(&consumer->lookout, clock_monotonic_ms());
    }
    return count;
}

/* Looks at the queue (passive declare), without waiting for the answer. */
static void ask_queue(struct consumer *consumer)
{
    amqp_queue_declare_t look = {.queue = amqp_cstring_bytes(consumer_queue(consumer)),
                                 .passive = 1};

    consumer->lookout.awaits_answer = true;
    check_sent(consumer,
               amqp_send_method(connection_state(consumer->connection), CONNECTION_CHANNEL,
                                AMQP_QUEUE_DECLARE_METHOD, &look),
               "cannot look at the queue");
}

static void fault(struct consumer *consumer, const char *reason)
{
    (void)connection_fault(consumer->connection, EXIT_UNREACHABLE, "%s", reason);
    lose(consumer);
}

/* Returns whether the consumer still has its connection. */
static bool watch(struct consumer *consumer)
{
    struct lookout *lookout = &consumer->lookout;

    if (lookout_is_due(lookout, clock_monotonic_ms()))
        ask_queue(consumer);
    if (lookout->is_forgotten && connection_is_up(consumer->connection))
        fault(consumer, "the queue has messages, and does not know its consumer any more");
    return connection_is_up(consumer->connection);
}

/* Is the time over, on a connection that works? */
static bool is_over(struct silence *silence, struct consumer *consumer, int timeout_ms)
{
    unsigned prefetch = consumer->settings.prefetch;
    bool has_room = prefetch == 0 || consumer->in_hand < prefetch;

    switch (
        silence_judge(silence, &consumer->lookout, has_room, timeout_ms, clock_monotonic_ms())) {
    case SILENCE_LASTS:
        return false;
    case SILENCE_IS_OVER:
        return true;
    case SILENCE_ASK:
        ask_queue(consumer);
        return false;
    case SILENCE_NO_ANSWER:
        no_answer(consumer);
        return false;
    case SILENCE_NO_LEADER:
        fault(consumer, "the queue does not know its consumer: it has no leader");
        return false;
    }
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
        supervisor_ready();
        supervisor_progress();
        if (silence.generation != generation_of(consumer))
            silence_start(&silence, generation_of(consumer), timeout_ms, clock_monotonic_ms());
        read_arrivals(consumer, max);
        *count = hand_out(consumer, batch, max);
        if (*count > 0 || stop_requested())
            return EXIT_OK;
        if (!connection_is_up(consumer->connection) || !watch(consumer))
            continue;
        if (is_over(&silence, consumer, timeout_ms))
            return EXIT_OK;
        left = silence_quiet_until(&silence, &consumer->lookout, timeout_ms) - clock_monotonic_ms();
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
    return consumer_idle_s == 0 ? SILENCE_ARRIVE_MS : consumer_idle_s * 1000;
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
        read_until(consumer, clock_monotonic_ms() + SILENCE_ANSWER_MS, true);
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
