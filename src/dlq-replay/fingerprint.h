/*
 * fingerprint: tells whether two deliveries are of the same message, on whichever connections they
 * came.
 *
 * It is made of the exchange, the routing key, the properties and the body, but not of headers that
 * the broker changes from one delivery to the next. Two messages that are alike in all of that have
 * the same fingerprint; others do not, except by a chance of 1 to 2^128.
 */
#ifndef DLQ_REPLAY_FINGERPRINT_H
#define DLQ_REPLAY_FINGERPRINT_H

#include "amqp/consumer.h"

#include <stdint.h>

struct fingerprint {
    uint64_t half[2];
};

/* Returns the fingerprint of a delivery. */
struct fingerprint fingerprint_of(const struct delivery *delivery);

#endif
