/* health_queues: the checks of the queues against limits: consumers, messages, and their age. */
#include "age.h"
#include "health_private.h"
#include "verdict.h"

#include "amqp/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Returns false, with the reason added to detail, if the broker does not let us look at the queue.
 */
static bool is_known(const struct queue_view *view, char detail[DETAIL_SIZE], enum level *level)
{
    if (view->error == NULL)
        return true;
    health_say(detail, "%s'%s': %s", *detail == '\0' ? "" : ", ", view->name, view->error);
    *level = level_worse(*level, LEVEL_UNKNOWN);
    return false;
}

/* Returns whether a worker should consume from the queue. */
static bool is_worked(const struct queue_view *view)
{
    return queues_is_shown(view) && (topology_is_work_queue(view->name) ||
                                     (view->is_optional && strcmp(view->name, PARKING_QUEUE) != 0));
}

static bool is_dead_letters(const struct queue_view *view)
{
    return strcmp(view->name, DEAD_LETTER_QUEUE) == 0;
}

static bool is_failed(const struct queue_view *view)
{
    return strcmp(view->name, FAILED_QUEUE) == 0;
}

static bool is_parked(const struct queue_view *view)
{
    return queues_is_shown(view) && strcmp(view->name, PARKING_QUEUE) == 0;
}

static void check_consumers(struct health *health)
{
    char detail[DETAIL_SIZE] = "";
    char idle[DETAIL_SIZE] = "";
    enum level level = LEVEL_OK;

    for (size_t i = 0; i < health->queues->count; i++) {
        const struct queue_view *view = &health->queues->views[i];

        if (!is_worked(view) || !is_known(view, detail, &level))
            continue;
        (void)fprintf(health->data, " cons_%s=%u;;1:;0", view->name, view->depth.consumers);
        if (view->depth.consumers == 0)
            health_say(idle, "%s'%s'", *idle == '\0' ? "nobody consumes from " : ", ", view->name);
    }
    if (*idle != '\0') {
        health_say(detail, "%s%s", *detail == '\0' ? "" : ", ", idle);
        level = LEVEL_CRITICAL;
    }
    verdict_add(health->checks, "consumers", level, detail);
}

/* Returns what a number is by a limit, and sets *exceeded to what it is more than. */
static enum level judge(struct limit limit, int64_t number, int *exceeded)
{
    if (limit.critical != LIMIT_NONE && number > limit.critical) {
        *exceeded = limit.critical;
        return LEVEL_CRITICAL;
    }
    *exceeded = limit.warning;
    return limit.warning != LIMIT_NONE && number > limit.warning ? LEVEL_WARNING : LEVEL_OK;
}

/* Checks how many messages are in the queues that are meant. Without a limit that is no check, and
 * only data. */
static void check_depths(struct health *health, const char *name,
                         bool (*is_meant)(const struct queue_view *view), struct limit limit)
{
    char detail[DETAIL_SIZE] = "";
    enum level level = LEVEL_OK;

    for (size_t i = 0; i < health->queues->count; i++) {
        const struct queue_view *view = &health->queues->views[i];
        enum level own;
        int exceeded;

        if (!is_meant(view) || !is_known(view, detail, &level))
            continue;
        (void)fprintf(health->data, " %s=%u", view->name, view->depth.ready);
        limit_put(limit, health->data);
        own = judge(limit, view->depth.ready, &exceeded);
        level = level_worse(level, own);
        if (own == LEVEL_OK)
            continue;
        health_say(detail, "%s%u in '%s'", *detail == '\0' ? "" : ", ", view->depth.ready,
                   view->name);
        if (exceeded > 0)
            health_say(detail, ", more than %d", exceeded);
    }
    if (limit_is_set(limit))
        verdict_add(health->checks, name, level, detail);
}

/* Returns the level of one queue, and adds to detail what is wrong with it. */
static enum level check_age_of(struct health *health, struct connection *connection,
                               const char *queue, int64_t *age, char detail[DETAIL_SIZE])
{
    const char *separator = *detail == '\0' ? "" : ", ";
    enum level level;
    int64_t seconds;
    int exceeded;

    if (age_of_first(connection, health->queues->management, queue, &seconds) != EXIT_OK) {
        health_say(detail, "%s'%s': %s", separator, queue, connection_reason(connection));
        return LEVEL_UNKNOWN;
    }
    if (seconds == AGE_HIDDEN) {
        health_say(detail, "%s'%s': a look at the first message might count as a delivery",
                   separator, queue);
        return LEVEL_UNKNOWN;
    }
    if (seconds == AGE_NONE)
        return LEVEL_OK;
    *age = seconds;
    (void)fprintf(health->data, " age_%s=%" PRId64 "s", queue, seconds);
    limit_put(health->settings->age, health->data);
    level = judge(health->settings->age, seconds, &exceeded);
    if (level != LEVEL_OK)
        health_say(detail, "%sthe first message in '%s' is %" PRId64 " s old, more than %d",
                   separator, queue, seconds, exceeded);
    return level;
}

/* On a connection of its own, with which the messages go back. */
static void check_ages(struct health *health)
{
    struct connection *connection =
        connection_new(health->settings->options, "looking", NULL, NULL);
    char detail[DETAIL_SIZE] = "";
    enum level level = LEVEL_OK;

    for (size_t i = 0; i < health->queues->count; i++) {
        const struct queue_view *view = &health->queues->views[i];

        if ((!is_worked(view) && !is_dead_letters(view)) || view->depth.ready == 0)
            continue;
        if (connection_try(connection) != EXIT_OK) {
            health_say(detail, "%s", connection_reason(connection));
            level = LEVEL_UNKNOWN;
            break;
        }
        level = level_worse(level,
                            check_age_of(health, connection, view->name, &health->ages[i], detail));
    }
    connection_free(connection);
    verdict_add(health->checks, "age", level, detail);
}

void health_check_queues(struct health *health)
{
    const struct health_settings *settings = health->settings;

    check_consumers(health);
    check_depths(health, "dead_letters", is_dead_letters, settings->dead);
    check_depths(health, "failed", is_failed, settings->failed);
    check_depths(health, "parked", is_parked, settings->parked);
    check_depths(health, "backlog", is_worked, settings->ready);
    if (limit_is_set(settings->age))
        check_ages(health);
}
