#include "messages.h"

#include "managed_traits.h"
#include "peek.h"
#include "tap_keys.h"

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/queue.h"
#include "amqp/queue_traits.h"
#include "base/clock.h"
#include "base/output.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/output.h"
#include "message/death.h"
#include "message/envelope.h"

#define FOLLOW_MS 1000   /* a new connection is noticed within this time */
#define FOLLOW_BATCH 100 /* messages printed and acknowledged together */

/* ---- one message ---- */

/* The messages of a queue shown so far, and what that has cost. */
struct shown {
    size_t count;
    size_t expected;
    bool is_counted;     /* the broker counts how often a message was delivered: a quorum queue */
    size_t spent;        /* messages that this look takes over the delivery limit */
    long fewest;         /* looks left to the message with the fewest */
    size_t fewest_place; /* the number of that message, from 1; 0 for none */
};

/* Counts what this look costs a message: one return, and its life if those exceed the limit. */
static void reckon(struct shown *shown, const struct queue_traits *traits,
                   const amqp_basic_properties_t *properties)
{
    long returns = (long)return_count(properties);
    long left;

    shown->count++;
    if (returns < 0 && traits->type != QUEUE_QUORUM)
        return;
    /* From RabbitMQ 4 on a message that has never come back has no count. */
    left = queue_traits_limit(traits) - (returns < 0 ? 0 : returns) - 1;
    shown->is_counted = true;
    if (queue_traits_limit(traits) < 0)
        return;
    if (left < 0) {
        shown->spent++;
    } else if (shown->fewest_place == 0 || left < shown->fewest) {
        shown->fewest = left;
        shown->fewest_place = shown->count;
    }
}

/* Prints a message, and adds it to shown unless that is NULL. */
static enum exit_code print_delivery(const struct delivery *delivery, const char *queue,
                                     struct shown *shown, const struct queue_traits *traits)
{
    const amqp_basic_properties_t *properties;
    amqp_pool_t pool;
    enum exit_code code;

    init_amqp_pool(&pool, 4096);
    properties = delivery_properties(delivery, &pool);
    if (shown != NULL)
        reckon(shown, traits, properties);
    code = output_json(envelope_new(delivery, properties, queue));
    empty_amqp_pool(&pool);
    return code;
}

/* ---- the messages of a queue ---- */

static void report_cost(const struct shown *shown, const struct queue_traits *traits,
                        const char *queue)
{
    const char *name = printable_text(queue);
    long limit = queue_traits_limit(traits);

    if (shown->spent > 0)
        report("queue '%s': %zu of %zu messages were looked at once more than the delivery limit "
               "of %ld allows: the broker has removed them",
               name, shown->spent, shown->count, limit);
    if (shown->fewest_place > 0)
        report("queue '%s': the delivery limit is %ld; message %zu has been delivered %ld time%s, "
               "%ld look%s left",
               name, limit, shown->fewest_place, limit - shown->fewest,
               limit - shown->fewest == 1 ? "" : "s", shown->fewest, shown->fewest == 1 ? "" : "s");
    if (shown->is_counted && limit < 0 && !traits->limit_is_sure)
        report("queue '%s' is a quorum queue: this look counts as a delivery, and whether a policy "
               "limits those is not known %s",
               name,
               traits->api_is_silent ? "now: the management API has no statistics of the queue"
                                     : "without the management API");
}

/* Reports messages that did not arrive: consumers may have them. */
static enum exit_code check_complete(const struct shown *shown, const char *queue)
{
    if (shown->count >= shown->expected || stop_requested())
        return EXIT_OK;
    report("queue '%s': %zu of %zu messages did not come: somebody else may have them",
           printable_text(queue), shown->expected - shown->count, shown->expected);
    return EXIT_UNREACHABLE;
}

/* Another connection would start with the first message, or with one that has arrived since. */
static enum exit_code is_cut_off(const struct shown *shown, const char *queue)
{
    report("queue '%s': the connection was lost after %zu of %zu messages: the rest is not shown",
           printable_text(queue), shown->count, shown->expected);
    return EXIT_UNREACHABLE;
}

static enum exit_code show_all(struct connection *connection, const char *queue,
                               const struct queue_traits *traits, size_t count, struct shown *shown)
{
    struct peek *peek = peek_new(connection, queue, traits, count);
    const struct delivery *delivery;
    enum exit_code code;
    enum exit_code printed = EXIT_OK;

    shown->expected = traits->ready < count ? traits->ready : count;
    for (;;) {
        code = peek_next(peek, &delivery);
        if (code != EXIT_OK || delivery == NULL)
            break;
        printed = print_delivery(delivery, queue, shown, traits);
        if (printed != EXIT_OK)
            break;
    }
    peek_free(peek);
    report_cost(shown, traits, queue);
    if (printed != EXIT_OK)
        return printed;
    if (code == EXIT_OK)
        return check_complete(shown, queue);
    return code == EXIT_UNREACHABLE && shown->count > 0 ? is_cut_off(shown, queue) : code;
}

enum exit_code messages_peek(const struct broker_options *options, struct management *management,
                             const char *queue, size_t count, bool force)
{
    struct connection *connection = connection_new(options, "looking", NULL, NULL);
    struct shown shown = {0};
    enum exit_code code = EXIT_UNREACHABLE;

    while (code == EXIT_UNREACHABLE) {
        struct queue_traits traits;

        code = connection_open(connection);
        if (code != EXIT_OK)
            break;
        code = management == NULL ? queue_traits_read(connection, queue, &traits)
                                  : managed_traits_read(connection, management, queue, &traits);
        if (code == EXIT_OK && !traits.exists) {
            report("there is no queue '%s'", printable_text(queue));
            code = EXIT_TOPOLOGY;
        }
        if (code == EXIT_OK)
            code = queue_traits_permit(&traits, queue, QUEUE_BY_GET, force);
        if (code == EXIT_OK)
            code = show_all(connection, queue, &traits, count, &shown);
        /* Once something was shown, another connection would show it again. */
        if (connection_is_up(connection) || shown.count > 0)
            break;
    }
    connection_free(connection);
    return code;
}

/* ---- the messages that pass an exchange ---- */

struct following {
    struct consumer *consumer;
    const struct tap *tap;
    int64_t next_check_ms;
    bool is_behind; /* which was reported */
};

/* A full queue has dropped messages, or is about to. */
static void check_fullness(struct following *following, struct connection *connection)
{
    struct queue_depth depth;
    bool is_full;

    if (queue_look(connection, consumer_queue(following->consumer), &depth) != EXIT_OK)
        return;
    is_full = depth.ready >= TAP_MAX_MESSAGES;
    if (is_full && !following->is_behind)
        report("messages come faster than they are read: the oldest may be missing");
    following->is_behind = is_full;
}

/* If the exchange was deleted, and perhaps declared again, the bindings are gone, and no message
 * arrives any more. Binding again restores them, or fails if there is no exchange. */
static enum exit_code check_tap(struct following *following)
{
    struct connection *connection = consumer_connection(following->consumer);
    enum exit_code code;

    if (!connection_is_up(connection) || clock_monotonic_ms() < following->next_check_ms)
        return EXIT_OK;
    following->next_check_ms = clock_monotonic_ms() + FOLLOW_MS;
    code = tap_bind(connection, following->tap, consumer_queue(following->consumer));
    if (code == EXIT_OK)
        check_fullness(following, connection);
    else if (code == EXIT_UNREACHABLE)
        connection_lose(connection);
    else
        report("broker '%s' (consuming): %s", connection_broker(connection),
               connection_reason(connection));
    return code == EXIT_UNREACHABLE ? EXIT_OK : code;
}

/* Takes some messages, prints and acknowledges them. */
static enum exit_code follow_batch(struct following *following, int wait_ms)
{
    struct consumer *consumer = following->consumer;
    struct delivery *batch[FOLLOW_BATCH];
    unsigned generation = connection_generation(consumer_connection(consumer));
    size_t count;
    enum exit_code code = consumer_take(consumer, batch, FOLLOW_BATCH, &count, wait_ms);

    if (code != EXIT_OK)
        return code;
    if (connection_generation(consumer_connection(consumer)) != generation)
        report("connected anew: messages that were published meanwhile may be missing");
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = print_delivery(batch[i], consumer_queue(consumer), NULL, NULL);
    if (code == EXIT_OK)
        code = output_flush();
    /* Before the acknowledgement: the queue then still shows that it was full. */
    if (code == EXIT_OK)
        code = check_tap(following);
    consumer_ack_batch(consumer, batch, count);
    return code;
}

static enum exit_code follow(const struct broker_options *options, struct tap *tap, int timeout_s)
{
    /* With a prefetch, messages wait in the queue, which is bounded, not in the consumer. */
    struct consumer_settings settings = {.own_queue = tap_declare,
                                         .context = tap,
                                         .prefetch = 10 * FOLLOW_BATCH,
                                         .max_body = SIZE_MAX};
    int64_t until = clock_monotonic_ms() + (int64_t)timeout_s * 1000;
    struct following following = {.consumer = consumer_new(options, &settings),
                                  .tap = tap,
                                  .next_check_ms = clock_monotonic_ms() + FOLLOW_MS};
    enum exit_code code = consumer_open(following.consumer);
    int64_t left = FOLLOW_MS;

    while (code == EXIT_OK && !stop_requested() && left > 0) {
        code = follow_batch(&following, left < FOLLOW_MS ? (int)left : FOLLOW_MS);
        if (timeout_s >= 0)
            left = until - clock_monotonic_ms();
    }
    consumer_free(following.consumer);
    return code;
}

enum exit_code messages_follow(const struct broker_options *options, struct management *management,
                               struct tap *tap, int timeout_s)
{
    enum exit_code code = tap->key_count > 0 ? EXIT_OK : tap_find_keys(tap, management);

    return code == EXIT_OK ? follow(options, tap, timeout_s) : code;
}
