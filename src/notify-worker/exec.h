/*
 * exec: the command that tells a customer, run for one event at a time.
 *
 * The command gets the event on its standard input, and EVENT_TYPE, ORDER_ID and NOTIFY_ATTEMPT,
 * the number of the attempt, in its environment; TRACEPARENT and TRACESTATE, too, if the event has
 * a context (trace/context.h). If it exits with 75 (EX_TEMPFAIL), the event is
 * tried again later, without limit. If it fails otherwise, it is tried again until max_attempts
 * have failed; then the event is moved to the dead letter queue. Other events are handled
 * meanwhile.
 */
#ifndef NOTIFY_WORKER_EXEC_H
#define NOTIFY_WORKER_EXEC_H

#include "notifier.h"

#include "amqp/consumer.h"
#include "base/report.h"

#include <stdint.h>

/* Everything is the caller's, and must outlive the call. */
struct exec {
    char *const *command;      /* with its arguments, ended by NULL */
    const char *event_type;    /* of all events */
    int64_t retry_ms;          /* milliseconds from a failure to the next attempt */
    int max_attempts;          /* that failed otherwise than with 75 */
    struct notifier *notifier; /* with one notification in each turn */
    struct consumer *consumer; /* its heartbeats go on while the command runs */
};

/*
 * Handles the turn: runs the command if a customer is to be told. Returns a code of notifier.h or
 * child_start(), reported. notifier_settle() then records what became of the order, also after a
 * failure.
 */
enum exit_code exec_run(const struct exec *exec);

#endif
