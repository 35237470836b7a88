/*
 * consumer_arrivals: the deliveries that have arrived and were not taken yet, in their order.
 *
 * All deliveries belong to the arrivals, also those that were taken.
 */
#ifndef AMQP_CONSUMER_ARRIVALS_H
#define AMQP_CONSUMER_ARRIVALS_H

#include "amqp/delivery.h"
#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed to begin with, but for max_body. */
struct arrivals {
    size_t max_body;           /* bytes of a body that are kept */
    struct delivery *arriving; /* not complete yet; or NULL */
    struct delivery *first;    /* complete, linked by next */
    struct delivery *last;
    size_t count;            /* of those that are complete */
    size_t bytes;            /* of their parts */
    struct delivery *spare;  /* not in use, linked by next */
    struct delivery *newest; /* of all that were ever made, linked by older */
};

/* Frees all deliveries. */
void arrivals_free(struct arrivals *arrivals);

/* Begins a delivery on the connection of that generation. Drops one that is not complete. */
void arrivals_start(struct arrivals *arrivals, const amqp_basic_deliver_t *method,
                    unsigned generation);

/* Adds a header or body frame to the delivery that was begun, if any. */
void arrivals_add(struct arrivals *arrivals, const amqp_frame_t *frame);

/* Returns whether so much has arrived (16 MiB) that no more is to be read. */
bool arrivals_are_full(const struct arrivals *arrivals);

/* Removes the first delivery, which must exist. Give it back with arrivals_recycle(). */
struct delivery *arrivals_take(struct arrivals *arrivals);

/* Takes back a delivery, to be used again. */
void arrivals_recycle(struct arrivals *arrivals, struct delivery *delivery);

/* Drops all deliveries that were not taken. */
void arrivals_drop(struct arrivals *arrivals);

#endif
