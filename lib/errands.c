#include "errands.h"

#include "clock.h"
#include "command.h"
#include "link.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRIES 3
#define TRY_LATER 75 /* EX_TEMPFAIL */
#define NAP_US 20    /* before looking at a command that seems to end; twice as long each time, up to */
#define NAP_MAX_US 5000
#define WAIT_MS 60000

/* It is settled. */
static void done_with(const struct errands *errands, struct notice *notice)
{
    consumer_ack(errands->consumer, notice->delivery);
    telling_drop(errands->telling, notice, 1);
}

/* Deliveries of a connection that is gone come again. */
static void drop_stale(const struct errands *errands)
{
    struct notice *notices = telling_notices(errands->telling);

    for (size_t i = telling_count(errands->telling); i-- > 0;) {
        if (!consumer_is_current(errands->consumer, notices[i].delivery)) {
            consumer_let_go(errands->consumer, notices[i].delivery);
            telling_drop(errands->telling, &notices[i], 1);
        }
    }
}

enum exit_code errands_take(const struct errands *errands, struct delivery *const batch[], size_t count)
{
    struct notice *notices = telling_notices(errands->telling);
    enum exit_code code;
    size_t i;

    /* First: what comes again after a lost connection is no repeat of the copy that is held of it. */
    drop_stale(errands);
    i = telling_count(errands->telling);
    code = telling_take(errands->telling, batch, count);
    while (code == EXIT_OK && i < telling_count(errands->telling)) {
        if (notices[i].verdict == VERDICT_TELL) {
            i++;
            continue;
        }
        code = telling_tell(errands->telling, &notices[i], 1);
        if (code == EXIT_OK)
            done_with(errands, &notices[i]);
    }
    return code;
}

/* Whoever has waited longest, be it from arriving or from when it is to be tried again. */
static struct notice *first_due(const struct errands *errands)
{
    struct notice *notices = telling_notices(errands->telling);
    struct notice *first = NULL;

    for (size_t i = 0; i < telling_count(errands->telling); i++)
        if (first == NULL || notices[i].due_ms < first->due_ms)
            first = &notices[i];
    return first;
}

int errands_wait_ms(const struct errands *errands)
{
    const struct notice *first = first_due(errands);
    int64_t left;

    if (first == NULL)
        return -1;
    left = first->due_ms - clock_steady_ms();
    return left > 0 ? (int)left : 0;
}

/* ---- the command ---- */

static void nap(long *us)
{
    const struct timespec pause = {.tv_nsec = *us * 1000};

    (void)nanosleep(&pause, NULL);
    *us = *us * 2 < NAP_MAX_US ? *us * 2 : NAP_MAX_US;
}

static enum exit_code run_command(const struct errands *errands, const struct notice *notice,
                                  int *exit_status)
{
    struct command *command;
    long nap_us = NAP_US;
    enum exit_code code = command_start(errands->command, notice->event, strlen(notice->event), &command);

    if (code != EXIT_OK)
        return code;
    while (!command_ended(command, exit_status)) {
        link_wait(consumer_link(errands->consumer), command_descriptor(command), WAIT_MS);
        consumer_service(errands->consumer);
        /* It ends in a moment, unless it has closed what it does not know, and runs on. */
        if (link_readable(command_descriptor(command)))
            nap(&nap_us);
    }
    return EXIT_OK;
}

static void try_later(const struct errands *errands, struct notice *notice, int exit_status)
{
    log_line("[notify] later: %s: '%s' exited with %d", notice->order_id, printable_text(errands->command[0]),
             exit_status);
    notice->due_ms = clock_steady_ms() + errands->retry_ms;
}

static enum exit_code give_up(const struct errands *errands, const struct notice *notice, int exit_status)
{
    char reason[PRINTABLE_MAX + 128];

    (void)snprintf(reason, sizeof reason, "'%s' exited with %d, %d times",
                   printable_text(errands->command[0]), exit_status, TRIES);
    return telling_give_up(errands->telling, notice, reason);
}

static enum exit_code try_to_tell(const struct errands *errands, struct notice *notice)
{
    int exit_status = 0;
    enum exit_code code = run_command(errands, notice, &exit_status);

    if (code != EXIT_OK)
        return code;
    if (exit_status != 0 && (exit_status == TRY_LATER || ++notice->tries < TRIES)) {
        try_later(errands, notice, exit_status);
        return EXIT_OK;
    }
    code =
        exit_status == 0 ? telling_tell(errands->telling, notice, 1) : give_up(errands, notice, exit_status);
    if (code == EXIT_OK)
        done_with(errands, notice);
    return code;
}

enum exit_code errands_run(const struct errands *errands)
{
    struct notice *notice;

    drop_stale(errands);
    notice = first_due(errands);
    return notice != NULL && notice->due_ms <= clock_steady_ms() ? try_to_tell(errands, notice) : EXIT_OK;
}
