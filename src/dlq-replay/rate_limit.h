/*
 * rate_limit: waits between events, so that no more than so many happen a second.
 */
#ifndef DLQ_REPLAY_RATE_LIMIT_H
#define DLQ_REPLAY_RATE_LIMIT_H

#include <stdint.h>

/* All zero, but for rate, at the start. */
struct rate_limit {
    long rate;        /* events a second; 0: no limit */
    int64_t start_ms; /* when the first was due, by clock_monotonic_ms(); private, like count */
    int64_t count;    /* of events since then */
};

/*
 * Waits until the next event is due, or a stop is asked for; keeps all connections alive meanwhile.
 * An event that is late does not make the next ones come faster.
 */
void rate_limit_wait(struct rate_limit *limit);

#endif
