/*
 * until: waits until queues are empty, or have as many messages ready as are wanted.
 */
#ifndef QUEUE_INSPECT_UNTIL_H
#define QUEUE_INSPECT_UNTIL_H

#include "queues.h"
#include "queues_print.h"

#include "base/report.h"

#include <stdbool.h>

struct until_settings {
    bool is_empty; /* wait until no queue has a message ready; */
    int ready;     /* otherwise until each of them has so many */
    int timeout_s; /* negative: wait until a stop is requested */
    enum queues_format format;
};

/*
 * Waits, with progress on standard error, and prints queues at the end, as they are then. Returns
 * EXIT_NO, reported, if the wait was in vain: the time is over, or a stop was requested. A queue
 * that the broker refuses to show ends the wait, unless its node is down or it has no leader;
 * returns the code of queues_report_refused() then. Other codes are those of
 * queues_look_patiently() and queues_print().
 */
enum exit_code until_reached(struct queues *queues, const struct until_settings *settings);

#endif
