#include "message/death_publish.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "message/death.h"

enum exit_code death_publish(struct publisher *publisher, const char *queue,
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
    if (code == EXIT_OK && !publisher_next(publisher, &cookie, result))
        die(EXIT_BUG, "a message was waited for, and has no result");
    return code;
}
