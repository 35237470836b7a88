/*
 * watch: looks at queues periodically, and shows them on a dashboard or as lines of JSON.
 *
 * A line is {"time", "queues": [...]}. Each queue is as queues_json() describes, with "rate_net",
 * the change of "ready" per second, and, while that is negative, "seconds_left".
 */
#ifndef QUEUE_INSPECT_WATCH_H
#define QUEUE_INSPECT_WATCH_H

#include "queues.h"
#include "queues_print.h"

#include "base/report.h"

struct watch_settings {
    int period_s;
    int timeout_s;             /* negative: watch until a stop is requested */
    int retries;               /* on the dashboard, failed looks in a row that end the program */
    enum queues_format format; /* FORMAT_JSON: lines; FORMAT_TABLE: the dashboard */
};

/*
 * Watches queues. FORMAT_BY_OUTPUT means a dashboard if standard output is a terminal that can be
 * drawn on; FORMAT_TABLE without such a terminal is EXIT_USAGE, reported. The first look must
 * succeed. If the broker is away later, the lines wait for it as connection_open() does, and the
 * dashboard shows why and tries again each period; if the management API is, its numbers are
 * missing. Returns EXIT_OK at the end, otherwise the code of queues_look_patiently(), queues_ask(),
 * output_line() or queues_report_refused().
 */
enum exit_code watch_queues(struct queues *queues, const struct watch_settings *settings);

#endif
