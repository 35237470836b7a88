/*
 * prefetch: how many letters the broker hands out ahead of the work.
 *
 * It is as many as are handled in about a second, measured batch by batch, so that no letter is in
 * hand for longer than the broker permits (consumer_timeout). Letters that are kept stay in hand
 * until the end, and do not count.
 */
#ifndef DLQ_REPLAY_PREFETCH_H
#define DLQ_REPLAY_PREFETCH_H

#include "amqp/consumer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest prefetch: a quorum queue hands out no more to one subscription. */
#define PREFETCH_MAX 2000

struct prefetch {
    size_t held;               /* letters that the current subscription has handed out, and that are
                                  kept: counted by the caller, from 0 on each connection */
    struct consumer *consumer; /* private, like all below */
    bool spares;               /* prefetch_spare() */
    size_t size;               /* letters to hand out ahead */
    size_t subscribed;         /* the prefetch of the current subscription */
    size_t handled;            /* letters since the last measurement, */
    size_t bytes;              /* of so many in all, */
    int64_t since_ms;          /* since this time by clock_monotonic_ms() */
};

/* Starts with size letters, 1 to PREFETCH_MAX, which is the prefetch that consumer has. */
void prefetch_start(struct prefetch *prefetch, struct consumer *consumer, size_t size);

/*
 * Avoids from here on, at the cost of speed, that letters are handed out and not handled: the
 * prefetch is changed only once all of it is in hand, since letters that are on their way when a
 * subscription ends are returned. most is how many letters are wanted.
 */
void prefetch_spare(struct prefetch *prefetch, size_t most);

/* Starts to measure how long a batch takes. */
void prefetch_time_batch(struct prefetch *prefetch);

/* Notes that a letter of the batch was handled; size is its memory in bytes. */
void prefetch_note_handled(struct prefetch *prefetch, size_t size);

/* Adapts the prefetch to how long the last batch took. known is how many letters come that take no
 * time, since they were handled before; most is how many letters are wanted. */
void prefetch_adapt(struct prefetch *prefetch, size_t known, size_t most);

/* Makes room for at most wanted letters more, once the subscription is full of letters that are
 * kept: for letters that are only looked at, which are all kept. */
void prefetch_look_on(struct prefetch *prefetch, size_t wanted);

#endif
