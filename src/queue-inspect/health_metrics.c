/* health_metrics: what the checks have found, as metrics for Prometheus. */
#include "age.h"
#include "health_private.h"
#include "verdict.h"

#include "base/output.h"
#include "metrics/text.h"
#include "terminal/columns.h"

#include <math.h>
#include <stdlib.h>

#define LABELS_SIZE 400

static bool depth_is_known(const struct queue_view *view)
{
    return queues_is_shown(view) && queues_obstacle(&view->depth) == NULL;
}

static int64_t ready_of(const struct queue_view *view)
{
    return view->depth.ready;
}

static int64_t consumers_of(const struct queue_view *view)
{
    return view->depth.consumers;
}

static int64_t unacknowledged_of(const struct queue_view *view)
{
    double count = view->details.unacknowledged;

    return isnan(count) ? -1 : (int64_t)count;
}

/* A gauge of each queue whose depth is known, unless number is negative. */
static void put_queues(const struct metrics_text *text, const struct queues *queues,
                       const char *name, const char *help,
                       int64_t (*number)(const struct queue_view *view))
{
    char labels[LABELS_SIZE];

    metrics_head(text, name, "gauge", help);
    for (size_t i = 0; i < queues->count; i++) {
        const struct queue_view *view = &queues->views[i];

        if (!depth_is_known(view) || number(view) < 0)
            continue;
        (void)snprintf(labels, sizeof labels, "queue=\"%s\"", view->name);
        metrics_sample(text, name, labels, number(view));
    }
}

static void put_ages(const struct metrics_text *text, const struct health *health)
{
    static const char name[] = "queue_age_seconds";
    char labels[LABELS_SIZE];

    if (!limit_is_set(health->settings->age))
        return;
    metrics_head(text, name, "gauge", "Age of the first message of a queue that has some.");
    for (size_t i = 0; i < health->queues->count; i++) {
        if (health->ages[i] == AGE_NONE)
            continue;
        (void)snprintf(labels, sizeof labels, "queue=\"%s\"", health->queues->views[i].name);
        metrics_sample(text, name, labels, health->ages[i]);
    }
}

static void put_limit(const struct metrics_text *text, const char *check, const char *level,
                      int limit)
{
    char labels[LABELS_SIZE];

    if (limit == LIMIT_NONE)
        return;
    (void)snprintf(labels, sizeof labels, "check=\"%s\",level=\"%s\"", check, level);
    metrics_sample(text, "limit", labels, limit);
}

static void put_limits(const struct metrics_text *text, const struct health_settings *settings)
{
    const struct {
        const char *check;
        struct limit limit;
    } all[] = {{"backlog", settings->ready},
               {"dead_letters", settings->dead},
               {"failed", settings->failed},
               {"parked", settings->parked},
               {"age", settings->age}};

    metrics_head(text, "limit", "gauge", "More than this is a warning, or critical.");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        put_limit(text, all[i].check, "warning", all[i].limit.warning);
        put_limit(text, all[i].check, "critical", all[i].limit.critical);
    }
}

static void put_checks(const struct metrics_text *text, const cJSON *checks)
{
    char labels[LABELS_SIZE];
    const cJSON *check;

    metrics_head(text, "check_level", "gauge",
                 "What a check has found: 0 all is well, 1 not known, 2 warning, 3 critical.");
    cJSON_ArrayForEach(check, checks)
    {
        (void)snprintf(labels, sizeof labels, "check=\"%s\"", check->string);
        metrics_sample(text, "check_level", labels, (int64_t)verdict_of(check));
    }
}

static void put_all(const struct metrics_text *text, const struct health *health, bool is_healthy)
{
    metrics_build_info(text);
    metrics_gauge(text, "healthy", "1 if all checks are passed.", is_healthy);
    put_checks(text, health->checks);
    put_limits(text, health->settings);
    if (health->has_looked) {
        put_queues(text, health->queues, "queue_messages_ready", "Messages that wait in a queue.",
                   ready_of);
        put_queues(text, health->queues, "queue_consumers", "Consumers of a queue.", consumers_of);
        put_ages(text, health);
    }
    if (health->has_looked && health->queues->management != NULL)
        put_queues(text, health->queues, "queue_messages_unacknowledged",
                   "Messages that are delivered and not acknowledged, by the management API.",
                   unacknowledged_of);
    if (health->has_outbox) {
        metrics_gauge(text, "outbox_events", "Events in the ledger that are owed.",
                      health->outbox.count);
        metrics_gauge_ms(text, "outbox_age_seconds", "Since the oldest of them was recorded.",
                         health->outbox.oldest_age_ms);
    }
}

enum exit_code health_print_metrics(const struct health *health, bool is_healthy)
{
    char *all = NULL;
    size_t len = 0;
    const struct metrics_text text = {
        .out = columns_start(&all, &len), .prefix = "queue_inspect", .labels = ""};
    enum exit_code code;

    put_all(&text, health, is_healthy);
    columns_finish(text.out);
    code = output_text(all, len);
    free(all);
    return code;
}
