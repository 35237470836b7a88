/*
 * consumer_arrivals: deliveries put together from their frames, and those that are complete and not
 * yet taken, in the order in which they came.
 *
 * Deliveries are used again: their memory belongs to the arrivals, wherever they are.
 */
#ifndef AMQP_CONSUMER_ARRIVALS_H
#define AMQP_CONSUMER_ARRIVALS_H

#include "amqp/delivery.h"
#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed to begin with, but for max_body. */
struct arrivals {
    size_t max_body; /* bytes of a body that are kept */
    struct delivery
        *arriving; /* its basic.deliver has come, and not yet all of its body; or NULL */
    bool has_header;
    uint64_t received;      /* bytes of its body, kept or not */
    struct delivery *first; /* complete, linked by next */
    struct delivery *last;
    size_t count;            /* of those that are complete */
    size_t bytes;            /* of their parts */
    struct delivery *spare;  /* for use, linked by next */
    struct delivery *newest; /* of all that were ever made, linked by older */
};

/* Frees all deliveries. */
void arrivals_free(struct arrivals *arrivals);

/* Begins a delivery that came on the connection of that generation. Drops one that is not complete.
 */
void arrivals_start(struct arrivals *arrivals, const amqp_basic_deliver_t *method,
                    unsigned generation);

/* Adds a header or body frame to the delivery that was begun, if any. */
void arrivals_add(struct arrivals *arrivals, const amqp_frame_t *frame);

/* Returns whether so much has arrived (16 MiB) that no more is to be read. */
bool arrivals_are_full(const struct arrivals *arrivals);

/* Removes the first delivery, which must exist, and returns it. Give it back to arrivals_recycle().
 */
struct delivery *arrivals_take(struct arrivals *arrivals);

/* Takes back a delivery that is done with, to be used again. */
void arrivals_recycle(struct arrivals *arrivals, struct delivery *delivery);

/* Drops all deliveries that were not taken. */
void arrivals_drop(struct arrivals *arrivals);

#endif
