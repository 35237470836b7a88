/*
 * dashboard: the screen of --watch: a row for each queue, with a graph of its depth.
 */
#ifndef QUEUE_INSPECT_DASHBOARD_H
#define QUEUE_INSPECT_DASHBOARD_H

#include "queues.h"
#include "trend.h"

#include "base/report.h"

#include <stdint.h>

struct dashboard {
    const struct queues *queues;
    const struct trend *trends; /* of the messages ready, one for each queue */
    int period_s;               /* between looks */
    int64_t looked_at_ms;       /* when the last one was, by clock_monotonic_ms() */
    const char *trouble;        /* what was wrong with it, shown as it is; or NULL */
};

/* Draws it on the screen (screen.h), which must be open. Returns what screen_draw() returns. */
enum exit_code dashboard_draw(const struct dashboard *dashboard);

#endif
