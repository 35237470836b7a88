#include "errands.h"

#include "base/clock.h"
#include "process/child.h"
#include "amqp/connection.h"
#include "process/spawn.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define TRY_LATER 75 /* EX_TEMPFAIL */
#define WAIT_MS 60000

struct trial {
    int exit_status;
    bool had_log; /* the command's standard error was ours */
};

static enum exit_code run_command(const struct errands *errands, const struct notice *notice,
                                  struct trial *trial)
{
    char number[16];
    enum exit_code code;
    pid_t child;

    (void)snprintf(number, sizeof number, "%d", notice->attempt);
    if (setenv("NOTIFY_ATTEMPT", number, 1) != 0)
        die_no_memory();
    trial->had_log = !report_is_lost();
    code = child_start(errands->command, notice->event, notice->event_len, trial->had_log, &child);
    if (code != EXIT_OK)
        return code;
    while (!spawn_ended(child, &trial->exit_status)) {
        connection_wait(consumer_connection(errands->consumer), spawn_descriptor(), WAIT_MS);
        consumer_service(errands->consumer);
    }
    return EXIT_OK;
}

static enum exit_code give_up(const struct errands *errands, struct notice *notice, int exit_status)
{
    char reason[PRINTABLE_MAX + 128];

    (void)snprintf(reason, sizeof reason, "'%s' exited with %d, attempt %d of %d",
                   printable_text(errands->command[0]), exit_status, notice->attempt, errands->max_attempts);
    return telling_give_up(errands->telling, notice, reason);
}

static enum exit_code take_failure(const struct errands *errands, struct notice *notice,
                                   const struct trial *trial)
{
    log_line("[notify] later: %s: '%s' exited with %d", notice->order_id, printable_text(errands->command[0]),
             trial->exit_status);
    /* Whoever writes where nobody reads dies of that: it is our log that is broken, not the order. Next time it has none. */
    if (trial->had_log && report_is_lost()) {
        notice->due_ms = clock_monotonic_ms();
        return EXIT_OK;
    }
    notice->due_ms = clock_monotonic_ms() + errands->retry_ms;
    if (trial->exit_status == TRY_LATER)
        return EXIT_OK;
    notice->attempts_if_not = notice->attempt;
    return notice->attempt < errands->max_attempts ? EXIT_OK : give_up(errands, notice, trial->exit_status);
}

enum exit_code errands_run(const struct errands *errands)
{
    struct notice *notice = telling_own(errands->telling);
    struct trial trial = {0};
    enum exit_code code;

    if (notice == NULL)
        return telling_tell(errands->telling);
    code = run_command(errands, notice, &trial);
    if (code != EXIT_OK)
        return code;
    if (trial.exit_status == 0)
        return telling_was_told(errands->telling, notice);
    return take_failure(errands, notice, &trial);
}
