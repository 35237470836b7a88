/*
 * delivery: a message that the broker sends, put together from its frames: basic.deliver,
 * basic.get-ok or basic.return, then a header frame, then body frames.
 */
#ifndef AMQP_DELIVERY_H
#define AMQP_DELIVERY_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed to begin with. Free memory at the end, unless it is a consumer's. */
struct delivery {
    uint64_t tag;        /* the delivery tag, valid on one connection: */
    unsigned generation; /* its connection_generation() */
    bool redelivered;
    amqp_bytes_t exchange; /* this and the next three point into memory */
    amqp_bytes_t routing_key;
    amqp_bytes_t properties; /* encoded: delivery_properties() */
    amqp_bytes_t body;       /* cut at max_body */
    uint64_t body_size;      /* bytes, as it was sent */
    char *memory;            /* private, like all below, and owned; used again */
    size_t capacity;
    size_t used;
    uint64_t received; /* bytes of the body, kept or not */
    bool has_header;   /* the header frame has come, and not yet all of the body */
    struct delivery *next;
    struct delivery *older;
};

/* Begins another message in the same memory. Does not touch tag, generation and redelivered. */
void delivery_begin(struct delivery *delivery, amqp_bytes_t exchange, amqp_bytes_t routing_key);

/*
 * Adds a header or body frame. Keeps at most max_body bytes of the body. Returns true once the
 * message is complete: only then its parts may be looked at.
 */
bool delivery_add(struct delivery *delivery, const amqp_frame_t *frame, size_t max_body);

/*
 * Decodes the properties of a delivery into pool. They last as long as the pool and the delivery.
 * Returns NULL if they cannot be decoded.
 */
const amqp_basic_properties_t *delivery_properties(const struct delivery *delivery,
                                                   amqp_pool_t *pool);

#endif
