/*
 * pace: so many things a second, and no more.
 */
#ifndef DLQ_REPLAY_RATE_LIMIT_H
#define DLQ_REPLAY_RATE_LIMIT_H

#include <stdint.h>

struct rate_limit {
    long rate;        /* a second; 0 for no limit */
    int64_t start_ms; /* when the first was due; private, like count */
    int64_t count;
};

/*
 * Waits until the next is due, or a stop is asked for, and keeps all connections alive meanwhile.
 * Time that was lost is not made up for.
 */
void rate_limit_wait(struct rate_limit *pace);

#endif
