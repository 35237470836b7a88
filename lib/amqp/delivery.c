#include "amqp/delivery.h"

const amqp_basic_properties_t *delivery_properties(const struct delivery *delivery,
                                                   amqp_pool_t *pool)
{
    void *decoded;

    if (amqp_decode_properties(AMQP_BASIC_CLASS, pool, delivery->properties, &decoded) < 0)
        return NULL;
    return decoded;
}
