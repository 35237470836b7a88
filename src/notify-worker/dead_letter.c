#include "dead_letter.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "message/death.h"

#define REFUSED_MS INT64_C(60000) /* until a refused dead letter is tried again */

static enum exit_code publish(struct publisher *publisher, const struct delivery *delivery,
                              const char *reason)
{
    struct death death = {.queue = amqp_cstring_bytes(RESERVED_QUEUE),
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
    enum publish_result fate = PUBLISH_REFUSED;
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
    if (code != EXIT_OK)
        return code;
    if (publisher_next(publisher, &cookie, &fate) && fate == PUBLISH_CONFIRMED)
        return EXIT_OK;
    report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, publisher_reason(publisher));
    return EXIT_REFUSED;
}

enum exit_code dead_letter_move(struct publisher *publisher, struct notification *notification,
                                const char *reason)
{
    enum exit_code code = publish(publisher, notification->delivery, reason);

    notification->is_refused = code == EXIT_REFUSED;
    if (notification->is_refused) {
        notification->due_ms = clock_monotonic_ms() + REFUSED_MS;
        return EXIT_OK;
    }
    if (code != EXIT_OK)
        return code;
    notification->outcome = OUTCOME_DEAD;
    if (notification_is_sound(notification))
        log_line("[notify] moved to %s: %s: %s", DEAD_LETTER_QUEUE, notification->order_id, reason);
    else
        log_line("[notify] moved to %s: %s", DEAD_LETTER_QUEUE, reason);
    return EXIT_OK;
}
