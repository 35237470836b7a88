/*
 * publisher_nacks: where to the broker could not take messages, as basic.nack says: a quorum queue
 * has no leader, or a queue is full.
 *
 * A destination is an exchange with a routing key. Its messages are published again after a pause;
 * attempts counts these times in a row, until a message is taken. What is final for one destination
 * so does not concern the others.
 */
#ifndef AMQP_PUBLISHER_NACKS_H
#define AMQP_PUBLISHER_NACKS_H

#include "amqp/frames.h"

#include <stdbool.h>
#include <stddef.h>

struct destination {
    char *exchange;
    char *routing_key;
    int attempts;
    bool is_waiting; /* some of its messages were not taken, and are to be published again */
};

/* Zeroed, it is empty: all messages were taken. */
struct nacks {
    struct destination *destinations; /* those that have not taken a message since a nack */
    size_t count;
};

/* Frees what *nacks holds. */
void nacks_free(struct nacks *nacks);

/* Returns the destination of the message, after a nack; it lasts until the next call. */
struct destination *nacks_destination(struct nacks *nacks, const struct frames_message *message);

/* Notes that a message was taken. Returns whether that ends attempts of its destination. */
bool nacks_end(struct nacks *nacks, const struct frames_message *message);

/*
 * Counts an attempt for each destination whose messages are to be published again now, and returns
 * the one with the most attempts. There must be one.
 */
const struct destination *nacks_attempt(struct nacks *nacks);

#endif
