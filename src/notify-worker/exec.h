/*
 * exec: a command that tells a customer, run for one event at a time.
 *
 * It gets the event on its standard input, and the number of the attempt in NOTIFY_ATTEMPT. If it
 * exits with 75 (EX_TEMPFAIL) the event is tried again later, however often; if it fails otherwise,
 * up to a number of attempts, and then the event is moved to the dead letter queue. Meanwhile other
 * events are handled.
 */
#ifndef NOTIFY_WORKER_EXEC_H
#define NOTIFY_WORKER_EXEC_H

#include "notifier.h"

#include "amqp/consumer.h"
#include "base/report.h"

#include <stdint.h>

/* All the caller's. */
struct exec {
    char *const *command;      /* and its arguments; NULL at the end */
    int64_t retry_ms;          /* from a failure to the next attempt */
    int max_attempts;          /* of those that count */
    struct notifier *notifier; /* whose turns are of one notification */
    struct consumer *consumer; /* kept alive while the command runs */
};

/*
 * Deals with the turn: runs the command, if there is someone to be told. Codes as of notifier.h and
 * child.h; what could be done about the order then is done by notifier_settle().
 */
enum exit_code exec_run(const struct exec *exec);

#endif
