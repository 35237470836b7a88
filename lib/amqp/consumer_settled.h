/*
 * consumer_settled: counts the deliveries that were settled (acknowledged or rejected) on one
 * connection, and how many of these settlements the broker has handled for certain.
 *
 * A broker does not answer an acknowledgement. It handles what comes on a channel in order, though:
 * once it answers a later request, here basic.qos, it has handled all that was sent before.
 */
#ifndef AMQP_CONSUMER_SETTLED_H
#define AMQP_CONSUMER_SETTLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed to begin with. */
struct settled {
    unsigned generation;      /* of the connection */
    uint64_t count;           /* deliveries that were settled */
    uint64_t asked;           /* of them, those before the broker was last asked for an answer */
    uint64_t seen;            /* of them, those that the broker has handled for certain */
    unsigned answers_to_come; /* from the broker */
    unsigned singles;         /* deliveries settled one by one since singles_since_ms */
    int64_t singles_since_ms; /* monotonic clock, like the next */
    int64_t burst_ms;         /* when there was last a burst of them; or 0 */
};

/* Counts from 0, unless generation is that of the counts. Does not touch the burst. */
void settled_begin(struct settled *settled, unsigned generation);

/* Counts deliveries before they are settled: sending may fail half-way. */
void settled_add(struct settled *settled, unsigned generation, size_t count);

/* As settled_add(), for one delivery that is settled by itself. */
void settled_add_single(struct settled *settled, unsigned generation);

/* Returns whether it is time to ask the broker for an answer: it was not for 256 deliveries. */
bool settled_answer_is_due(const struct settled *settled);

/* Notes that the broker is being asked for an answer. */
void settled_asked(struct settled *settled, unsigned generation);

/* Notes an answer of the broker. */
void settled_answered(struct settled *settled);

/* Returns how many settlements the broker may not have handled. */
size_t settled_unseen(const struct settled *settled);

/*
 * Returns the time by the monotonic clock, in ms, until which the connection must stay open for
 * what was settled in a burst; 0 if there was none. A quorum queue takes in some 32 settlements at
 * a time: what exceeds that waits within the channel, although the channel goes on answering, and
 * is lost with it (rabbitmq-server, issue 10327).
 */
int64_t settled_taken_in_ms(const struct settled *settled);

#endif
