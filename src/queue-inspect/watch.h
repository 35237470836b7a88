/*
 * watch: some queues, looked at again and again: a screen that is redrawn, or a line of JSON each
 * time.
 *
 * A line: {"time", "queues": [...]}, where a queue is as queues_json() says, with "rate_net", the
 * change of ready a second, and, while that falls, "seconds_left".
 */
#ifndef QUEUE_INSPECT_WATCH_H
#define QUEUE_INSPECT_WATCH_H

#include "queues.h"
#include "queues_print.h"

#include "base/report.h"

#include <stdbool.h>
#include <stdint.h>

struct watch_settings {
    int period_s;
    int timeout_s; /* negative: until a stop is asked for */
    int retries;   /* looks in a row that may fail on a screen */
    enum queues_format format;
};

/*
 * Watches. The first look must succeed; after that a broker that is away is waited for as
 * connection_open() does, or, on a screen, once a look, and a management API that is away is
 * missed.
 */
enum exit_code watch_queues(struct queues *queues, const struct watch_settings *settings);

#endif
