/*
 * delivery: a message that the broker delivered.
 */
#ifndef AMQP_DELIVERY_H
#define AMQP_DELIVERY_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The parts stand in memory, one behind the other. */
struct delivery {
    uint64_t tag;        /* the delivery tag, valid on one connection: */
    unsigned generation; /* its connection_generation() */
    bool redelivered;
    amqp_bytes_t exchange;
    amqp_bytes_t routing_key;
    amqp_bytes_t properties; /* encoded: delivery_properties() */
    amqp_bytes_t body;       /* cut at the consumer's max_body */
    uint64_t body_size;      /* bytes, as it was sent */
    char *memory;            /* private, like all below */
    size_t capacity;
    size_t used;
    struct delivery *next;
    struct delivery *older;
};

/*
 * Decodes the properties of a delivery into pool. They last as long as the pool and the delivery.
 * Returns NULL if they cannot be decoded.
 */
const amqp_basic_properties_t *delivery_properties(const struct delivery *delivery,
                                                   amqp_pool_t *pool);

#endif
