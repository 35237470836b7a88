#include "dead_letter.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "message/death.h"

#define STUCK_MS INT64_C(60000) /* until a dead letter that is stuck is tried again */

/* Sets *result, unless the code is that of a failure. */
static enum exit_code publish(struct publisher *publisher, const char *queue,
                              const struct delivery *delivery, const char *reason,
                              enum publish_result *result)
{
    struct death death = {.queue = amqp_cstring_bytes(queue),
                          .reason = amqp_cstring_bytes(reason),
                          .exchange = delivery->exchange,
                          .routing_key = delivery->routing_key,
                          .time = clock_utc_ms() / 1000};
    static const amqp_basic_properties_t none;
    const amqp_basic_properties_t *given;
    amqp_basic_properties_t properties;
    struct message message = {.exchange = DEAD_LETTER_EXCHANGE,
                              .routing_key = DEAD_LETTER_KEY,
                              .properties = &properties,
                              .body = delivery->body};
    enum exit_code code;
    amqp_pool_t pool;
    uint64_t cookie;

    init_amqp_pool(&pool, 4096);
    given = delivery_properties(delivery, &pool);
    properties = death_marked(given == NULL ? &none : given, &death, &pool);
    code = publisher_send(publisher, &message, 0);
    empty_amqp_pool(&pool);
    if (code == EXIT_OK)
        code = publisher_wait_all(publisher);
    if (code == EXIT_OK)
        (void)publisher_next(publisher, &cookie, result);
    return code;
}

static void put_off(struct notification *notification, const struct publisher *publisher,
                    enum publish_result result)
{
    int attempts = publisher_attempts(publisher);

    notification->is_refused = result != PUBLISH_NOT_TAKEN;
    notification->not_taken += result == PUBLISH_NOT_TAKEN;
    notification->is_stuck = notification->is_refused || notification->not_taken >= attempts;
    notification->due_ms =
        clock_monotonic_ms() + (notification->is_stuck
                                    ? STUCK_MS
                                    : publisher_pause_ms(publisher, notification->not_taken));
}

static void report_put_off(const struct notification *notification, const char *queue,
                           const char *reason)
{
    if (notification->is_refused)
        report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, reason);
    else if (notification->is_stuck)
        report("cannot move a message to '%s': %s; it stays in '%s' after %d attempt%s",
               DEAD_LETTER_QUEUE, reason, queue, notification->not_taken,
               notification->not_taken == 1 ? "" : "s");
    else if (notification->not_taken == 1)
        report("cannot move a message to '%s': %s; trying again", DEAD_LETTER_QUEUE, reason);
}

enum exit_code dead_letter_move(struct publisher *publisher, const char *queue,
                                struct notification *notification, const char *reason)
{
    enum publish_result result = PUBLISH_REFUSED;
    enum exit_code code = publish(publisher, queue, notification->delivery, reason, &result);

    if (code != EXIT_OK)
        return code;
    if (result != PUBLISH_CONFIRMED) {
        put_off(notification, publisher, result);
        report_put_off(notification, queue, publisher_reason(publisher));
        return EXIT_OK;
    }
    notification->outcome = OUTCOME_DEAD;
    if (notification_is_sound(notification))
        log_line("[notify] moved to %s: %s: %s", DEAD_LETTER_QUEUE, notification->order_id, reason);
    else
        log_line("[notify] moved to %s: %s", DEAD_LETTER_QUEUE, reason);
    return EXIT_OK;
}
