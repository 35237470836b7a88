/*
 * fingerprint: recognizes a message that is delivered again on another connection.
 *
 * It is a hash of exchange, routing key, properties and body, without the headers that the broker
 * changes from one delivery to the next. Messages that are alike in all of that have the same
 * fingerprint; others have it with a probability of 2^-128.
 */
#ifndef DLQ_REPLAY_FINGERPRINT_H
#define DLQ_REPLAY_FINGERPRINT_H

#include "amqp/delivery.h"

#include <stdint.h>

struct fingerprint {
    uint64_t half[2];
};

/* Returns the fingerprint of a delivery. Never fails, whatever its properties are. */
struct fingerprint fingerprint_of(const struct delivery *delivery);

#endif
