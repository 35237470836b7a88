#include "rate_limit.h"

#include "amqp/connection.h"
#include "base/clock.h"
#include "base/stop.h"

#include <stddef.h>

#define LATE_MS 100 /* a letter may be so late before the count starts anew */

void rate_limit_wait(struct rate_limit *limit)
{
    int64_t now = clock_monotonic_ms();
    int64_t due;

    if (limit->rate == 0)
        return;
    due = limit->start_ms + limit->count * 1000 / limit->rate;
    if (now - due > LATE_MS) {
        limit->start_ms = now;
        limit->count = 0;
    }
    limit->count++;
    while (now < due && !stop_requested()) {
        connection_wait(NULL, -1, (int)(due - now));
        now = clock_monotonic_ms();
    }
}
