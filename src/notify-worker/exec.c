#include "exec.h"

#include "metrics.h"

#include "amqp/connection.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/trace_headers.h"
#include "process/spawn.h"
#include "trace/context.h"

#include <stdio.h>
#include <stdlib.h>

#define TRY_LATER 75 /* EX_TEMPFAIL */
#define WAIT_MS 60000

struct trial {
    int exit_status;
    bool had_log; /* the command had our standard error */
};

static void set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        die_no_memory();
}

static void unset_variable(const char *name)
{
    if (unsetenv(name) != 0)
        die_no_memory();
}

/* The context of the event; of an event that has none, the command has none either, whatever this
 * program was started with. */
static void set_trace(const struct notification *notification)
{
    char *trace = trace_headers_read(notification->delivery->properties);
    const char *carried = span_trace(notification->span, trace);
    const char *state = carried == NULL ? NULL : trace_state(carried);
    char parent[TRACE_PARENT_LEN + 1];

    if (state == NULL)
        unset_variable(TRACE_STATE_VARIABLE);
    else
        set_variable(TRACE_STATE_VARIABLE, state);
    if (trace == NULL) {
        unset_variable(TRACE_PARENT_VARIABLE);
        return;
    }
    (void)snprintf(parent, sizeof parent, "%s", carried);
    set_variable(TRACE_PARENT_VARIABLE, parent);
    free(trace);
}

static void set_environment(const struct exec *exec, const struct notification *notification)
{
    char attempt[16];

    (void)snprintf(attempt, sizeof attempt, "%d", notification->attempt);
    set_variable("EVENT_TYPE", exec->event_type);
    set_variable("ORDER_ID", notification->order_id);
    set_variable("NOTIFY_ATTEMPT", attempt);
    set_trace(notification);
}

static enum exit_code run_command(const struct exec *exec, const struct notification *notification,
                                  struct trial *trial)
{
    enum exit_code code;
    pid_t child;

    set_environment(exec, notification);
    trial->had_log = !report_is_lost();
    code = child_start(exec->command, notification->event, notification->event_len, trial->had_log,
                       &child);
    if (code != EXIT_OK)
        return code;
    while (!spawn_ended(child, &trial->exit_status)) {
        connection_wait(consumer_connection(exec->consumer), spawn_descriptor(), WAIT_MS);
        consumer_service(exec->consumer);
    }
    return EXIT_OK;
}

static enum exit_code give_up(const struct exec *exec, struct notification *notification,
                              int exit_status)
{
    char reason[PRINTABLE_MAX + 128];
    enum exit_code code;

    (void)snprintf(reason, sizeof reason, "'%s' exited with %d, attempt %d of %d",
                   printable_text(exec->command[0]), exit_status, notification->attempt,
                   exec->max_attempts);
    code = notifier_give_up(exec->notifier, notification, reason);
    metrics_handled(&notification, 1);
    return code;
}

static enum exit_code take_failure(const struct exec *exec, struct notification *notification,
                                   const struct trial *trial)
{
    metrics_failed();
    log_event(REPORT_WARNING, notification->order_id, "[notify] later: %s: '%s' exited with %d",
              notification->order_id, printable_text(exec->command[0]), trial->exit_status);
    /* A command that writes to a broken pipe dies of it: our log is broken, not the order. Next
     * time it gets no log. */
    if (trial->had_log && report_is_lost()) {
        notification->due_ms = clock_monotonic_ms();
        return EXIT_OK;
    }
    notification->due_ms = clock_monotonic_ms() + exec->retry_ms;
    if (trial->exit_status == TRY_LATER)
        return EXIT_OK;
    notification->attempts_if_not = notification->attempt;
    return notification->attempt < exec->max_attempts
               ? EXIT_OK
               : give_up(exec, notification, trial->exit_status);
}

enum exit_code exec_run(const struct exec *exec)
{
    struct notification *notification = notifier_own(exec->notifier);
    struct trial trial = {0};
    enum exit_code code;

    if (notification == NULL)
        return notifier_tell(exec->notifier);
    code = run_command(exec, notification, &trial);
    if (code != EXIT_OK)
        return code;
    if (trial.exit_status == 0)
        return notifier_was_told(exec->notifier, notification);
    return take_failure(exec, notification, &trial);
}
