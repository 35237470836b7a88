#include "until.h"

#include "base/clock.h"
#include "base/stop.h"
#include "base/text.h"
#include "terminal/progress.h"

#include <stdint.h>

#define POLL_MS 200

static bool is_satisfied(const struct until_settings *settings, const struct queue_depth *depth)
{
    return queues_obstacle(depth) == NULL &&
           (settings->is_empty ? depth->ready == 0 : depth->ready >= (unsigned)settings->ready);
}

/* Returns the first queue that is still waited for, or NULL. */
static const struct queue_view *unsatisfied(const struct queues *queues,
                                            const struct until_settings *settings)
{
    for (size_t i = 0; i < queues->count; i++)
        if (!is_satisfied(settings, &queues->views[i].depth))
            return &queues->views[i];
    return NULL;
}

static void report_unsatisfied(const struct queue_view *view, const struct until_settings *settings)
{
    const char *name = printable_text(view->name);
    const char *cause = stop_requested() ? "asked to stop: " : "";

    if (!view->depth.exists)
        report("%squeue '%s' is not there", cause, name);
    else if (settings->is_empty)
        report("%squeue '%s' is not empty: %u ready", cause, name, view->depth.ready);
    else
        report("%squeue '%s' has %u of %d messages ready", cause, name, view->depth.ready,
               settings->ready);
}

/* A missing queue may be declared, and a node may come back. A lock or a lack of rights remains. */
static bool waiting_helps(const struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++)
        if (queues->views[i].error != NULL && queues->views[i].depth.refused != EXIT_UNREACHABLE)
            return false;
    return true;
}

/* Shows how many messages have arrived; or how many of the most seen so far are gone. */
static void show_progress(const struct queues *queues, const struct until_settings *settings)
{
    static uint64_t most;
    uint64_t ready = 0;

    for (size_t i = 0; i < queues->count; i++) {
        unsigned there = queues->views[i].depth.ready;

        if (!settings->is_empty && there > (unsigned)settings->ready)
            there = (unsigned)settings->ready;
        ready += there;
    }
    if (!settings->is_empty) {
        progress_set(ready, queues->count * (uint64_t)settings->ready);
        return;
    }
    most = ready > most ? ready : most;
    progress_set(most - ready, most);
}

/* A queue that seems empty is believed only if it answers. */
static enum exit_code look(struct queues *queues, const struct until_settings *settings)
{
    enum exit_code code = queues_look_patiently(queues);

    if (code == EXIT_OK && settings->is_empty && unsatisfied(queues, settings) == NULL)
        code = queues_look_closer(queues);
    return code;
}

/* Looks again until the wait is over; sets *is_late if that is because its time is up. */
static enum exit_code await(struct queues *queues, const struct until_settings *settings,
                            bool *is_late)
{
    int64_t until = clock_monotonic_ms() + (int64_t)settings->timeout_s * 1000;
    enum exit_code code = look(queues, settings);

    *is_late = false;
    progress_start("messages", 0);
    while (code == EXIT_OK && unsatisfied(queues, settings) != NULL && waiting_helps(queues) &&
           !*is_late && !stop_requested()) {
        int64_t left = settings->timeout_s < 0 ? POLL_MS : until - clock_monotonic_ms();

        show_progress(queues, settings);
        *is_late = left <= 0;
        if (!*is_late)
            connection_wait(queues->connection, -1, left < POLL_MS ? (int)left : POLL_MS);
        code = look(queues, settings);
    }
    progress_done();
    return code;
}

enum exit_code until_reached(struct queues *queues, const struct until_settings *settings)
{
    bool is_late;
    enum exit_code code = await(queues, settings, &is_late);
    enum exit_code printed;

    if (code != EXIT_OK && stop_requested())
        report("asked to stop before the broker has told how full the queues are");
    if (code != EXIT_OK)
        return code;
    printed = queues_print(queues, settings->format);
    if (unsatisfied(queues, settings) == NULL || printed != EXIT_OK)
        return printed;
    code = queues_report_refused(queues);
    if (code != EXIT_OK)
        return is_late && waiting_helps(queues) ? EXIT_NO : code;
    report_unsatisfied(unsatisfied(queues, settings), settings);
    return EXIT_NO;
}
