/*
 * errands: a command that tells a customer, run for one event at a time.
 *
 * It gets the event on its standard input, and the number of the attempt in NOTIFY_ATTEMPT. If it exits with 75 (EX_TEMPFAIL)
 * the event is tried again later, however often; if it fails otherwise, up to a number of attempts, and then the event is
 * moved to the dead letter queue. Meanwhile other events are handled.
 */
#ifndef NOTIFY_WORKER_ERRANDS_H
#define NOTIFY_WORKER_ERRANDS_H

#include "amqp/consumer.h"
#include "base/report.h"
#include "telling.h"

#include <stdint.h>

/* All the caller's. */
struct errands {
    char *const *command;      /* and its arguments; NULL at the end */
    int64_t retry_ms;          /* from a failure to the next attempt */
    int max_attempts;          /* of those that count */
    struct telling *telling;   /* whose turns are of one notice */
    struct consumer *consumer; /* kept alive while the command runs */
};

/*
 * Deals with the turn: runs the command, if there is someone to be told. Codes as of telling.h and child.h; what could be
 * done about the order then is done by telling_settle().
 */
enum exit_code errands_run(const struct errands *errands);

#endif
