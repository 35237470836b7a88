#include "rate_limit.h"

#include "amqp/connection.h"
#include "base/clock.h"
#include "base/stop.h"

#include <stddef.h>

#define LOST_MS 100

void rate_limit_wait(struct rate_limit *pace)
{
    int64_t now = clock_monotonic_ms();
    int64_t due;

    if (pace->rate == 0)
        return;
    due = pace->start_ms + pace->count * 1000 / pace->rate;
    if (now - due > LOST_MS) {
        pace->start_ms = now;
        pace->count = 0;
    }
    pace->count++;
    while (now < due && !stop_requested()) {
        connection_wait(NULL, -1, (int)(due - now));
        now = clock_monotonic_ms();
    }
}
