#include "messages.h"

#include "clock.h"
#include "consumer.h"
#include "envelope.h"
#include "link.h"
#include "output.h"
#include "stop.h"

#define PEEK_MS 2000     /* that a message in the queue may take to arrive */
#define FOLLOW_MS 1000   /* after which a new connection is noticed, though no message comes */
#define FOLLOW_BATCH 100 /* messages that are printed and acknowledged at once */

static enum exit_code print_delivery(const struct delivery *delivery, const char *queue)
{
    amqp_pool_t pool;
    enum exit_code code;

    init_amqp_pool(&pool, 4096);
    code = output_json(envelope_new(delivery, delivery_properties(delivery, &pool), queue));
    empty_amqp_pool(&pool);
    return code;
}

enum exit_code messages_peek(const struct link_options *options, const char *queue, size_t count)
{
    struct consumer_settings settings = {.queue = queue, .max_body = SIZE_MAX};
    struct consumer *consumer;
    struct delivery *delivery;
    size_t left;
    size_t taken = 1;
    enum exit_code code;

    /* Without a limit, the broker's pace is that of our output. */
    settings.prefetch = count > UINT16_MAX ? 0 : (unsigned)count;
    consumer = consumer_new(options, &settings);
    code = consumer_open(consumer);
    left = consumer_waiting(consumer);
    if (left > count)
        left = count;
    /* Another consumer may be quicker: then fewer arrive than were counted. */
    for (; left > 0 && taken > 0 && code == EXIT_OK && !stop_requested(); left--) {
        code = consumer_take(consumer, &delivery, 1, &taken, PEEK_MS);
        if (code == EXIT_OK && taken > 0) {
            code = print_delivery(delivery, queue);
            consumer_let_go(consumer, delivery);
        }
    }
    consumer_free(consumer);
    return code;
}

/* Takes some, prints them, and lets the broker forget them. */
static enum exit_code follow_batch(struct consumer *consumer, int wait_ms)
{
    struct delivery *batch[FOLLOW_BATCH];
    unsigned generation = link_generation(consumer_link(consumer));
    size_t count;
    enum exit_code code = consumer_take(consumer, batch, FOLLOW_BATCH, &count, wait_ms);

    if (code != EXIT_OK)
        return code;
    if (link_generation(consumer_link(consumer)) != generation)
        report("connected anew: messages that were published meanwhile may be missing");
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = print_delivery(batch[i], consumer_queue(consumer));
    consumer_ack_batch(consumer, batch, count);
    return code == EXIT_OK ? output_flush() : code;
}

enum exit_code messages_follow(const struct link_options *options, const struct tap *tap, int timeout_s)
{
    /* What is printed is acknowledged, so that the rest waits where there is a limit to it: in the queue. */
    struct consumer_settings settings = {.tap = tap, .prefetch = 10 * FOLLOW_BATCH, .max_body = SIZE_MAX};
    int64_t until = clock_steady_ms() + (int64_t)timeout_s * 1000;
    struct consumer *consumer = consumer_new(options, &settings);
    enum exit_code code = consumer_open(consumer);
    int64_t left = FOLLOW_MS;

    while (code == EXIT_OK && !stop_requested() && left > 0) {
        code = follow_batch(consumer, left < FOLLOW_MS ? (int)left : FOLLOW_MS);
        if (timeout_s >= 0)
            left = until - clock_steady_ms();
    }
    consumer_free(consumer);
    return code;
}
