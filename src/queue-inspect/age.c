#include "age.h"

#include "managed_traits.h"
#include "peek.h"

#include "amqp/delivery.h"
#include "amqp/queue_traits.h"
#include "base/clock.h"
#include "message/death.h"

/* A stream has no first message to wait for, and others are not fetched without a consumer. */
static bool has_a_cost(const struct queue_traits *traits)
{
    return queue_traits_limit(traits) >= 0 || traits->limit_fault != EXIT_OK || traits->delays ||
           traits->single_active || traits->type == QUEUE_STREAM;
}

static int64_t age_of(const struct delivery *delivery)
{
    const amqp_basic_properties_t *properties;
    struct history history;
    amqp_pool_t pool;
    int64_t now = clock_utc_ms() / 1000;
    int64_t time = 0;

    init_amqp_pool(&pool, 4096);
    properties = delivery_properties(delivery, &pool);
    history_read(properties, &history);
    if (history.has_death)
        time = history.death.time;
    else if (properties != NULL && (properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0 &&
             properties->timestamp <= INT64_MAX)
        time = (int64_t)properties->timestamp;
    empty_amqp_pool(&pool);
    if (time <= 0)
        return AGE_NONE;
    return time < now ? now - time : 0;
}

enum exit_code age_of_first(struct connection *connection, struct management *management,
                            const char *queue, int64_t *seconds)
{
    struct queue_traits traits;
    const struct delivery *delivery = NULL;
    struct peek *peek;
    enum exit_code code = management == NULL
                              ? queue_traits_read(connection, queue, &traits)
                              : managed_traits_read(connection, management, queue, &traits);

    *seconds = AGE_NONE;
    if (code != EXIT_OK || !traits.exists || traits.ready == 0)
        return code;
    if (has_a_cost(&traits)) {
        *seconds = AGE_HIDDEN;
        return EXIT_OK;
    }
    peek = peek_new(connection, queue, &traits, 1);
    code = peek_next(peek, &delivery);
    if (code == EXIT_OK && delivery != NULL)
        *seconds = age_of(delivery);
    peek_free(peek);
    return code;
}
