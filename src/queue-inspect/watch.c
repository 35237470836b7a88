#include "watch.h"

#include "dashboard.h"
#include "trend.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "json/json.h"
#include "json/output.h"
#include "terminal/screen.h"

#include <math.h>
#include <stdlib.h>

struct watch {
    struct queues *queues;
    const struct watch_settings *settings;
    bool on_screen;       /* a dashboard, rather than lines */
    struct trend *trends; /* of ready, one for each queue */
    int64_t looked_at_ms; /* by the monotonic clock */
    int failures;         /* failed looks in a row, on the screen */
    const char *trouble;  /* what was wrong with the last look, or NULL */
};

/* ---- looking ---- */

static enum exit_code look(struct watch *watch)
{
    struct queues *queues = watch->queues;
    enum exit_code code;

    if (!watch->on_screen)
        return queues_look_patiently(queues);
    code = connection_try(queues->connection);
    return code == EXIT_OK ? queues_look(queues) : code;
}

static void note_depths(struct watch *watch)
{
    watch->looked_at_ms = clock_monotonic_ms();
    for (size_t i = 0; i < watch->queues->count; i++)
        if (queues_obstacle(&watch->queues->views[i].depth) == NULL)
            trend_add(&watch->trends[i], watch->looked_at_ms, watch->queues->views[i].depth.ready);
}

/* After a failed look on the screen: goes on if trying again may help, up to retries times. */
static enum exit_code bear_with(struct watch *watch, enum exit_code code)
{
    watch->trouble = connection_reason(watch->queues->connection);
    if (code == EXIT_UNREACHABLE && ++watch->failures < watch->settings->retries)
        return EXIT_OK;
    (void)screen_close();
    report("broker '%s' (looking): %s", connection_broker(watch->queues->connection),
           watch->trouble);
    return code;
}

/* For lines, a failure is reported once, when it begins. */
static void ask(struct watch *watch, bool missed_before)
{
    if (queues_ask(watch->queues) == EXIT_OK)
        return;
    watch->trouble = management_reason(watch->queues->management);
    if (!watch->on_screen && !missed_before)
        report("%s", watch->trouble);
}

/* A row of the screen has room for a word only; a line of JSON has the whole error. */
static void show_refused(struct watch *watch)
{
    const struct queue_view *refused = queues_refused(watch->queues);

    if (refused != NULL && watch->trouble == NULL && watch->on_screen)
        watch->trouble = refused->error;
}

static enum exit_code look_again(struct watch *watch)
{
    bool missed_before = watch->trouble != NULL;
    enum exit_code code = look(watch);

    watch->trouble = NULL;
    if (code != EXIT_OK && watch->on_screen)
        return bear_with(watch, code);
    if (code != EXIT_OK)
        return code;
    watch->failures = 0;
    note_depths(watch);
    ask(watch, missed_before);
    show_refused(watch);
    return EXIT_OK;
}

/* A failure at the start is more likely to be permanent, and ends the program. */
static enum exit_code look_first(struct watch *watch)
{
    enum exit_code code = queues_look_patiently(watch->queues);

    if (code != EXIT_OK)
        return code;
    note_depths(watch);
    code = queues_ask(watch->queues);
    if (code != EXIT_OK)
        report("%s", management_reason(watch->queues->management));
    show_refused(watch);
    return code;
}

/* ---- as lines ---- */

static enum exit_code print_line(const struct watch *watch)
{
    cJSON *line = cJSON_CreateObject();
    char time[CLOCK_TEXT_SIZE];
    cJSON *list;
    enum exit_code code;

    json_need(line);
    clock_rfc3339(clock_utc_ms(), time);
    json_need(cJSON_AddStringToObject(line, "time", time));
    list = cJSON_AddArrayToObject(line, "queues");
    json_need(list);
    for (size_t i = 0; i < watch->queues->count; i++) {
        double left = trend_seconds_left(&watch->trends[i]);
        cJSON *queue;

        if (!queues_is_shown(&watch->queues->views[i]))
            continue;
        queue = queues_json(watch->queues, &watch->queues->views[i]);

        json_need(cJSON_AddNumberToObject(queue, "rate_net", trend_rate(&watch->trends[i])));
        if (!isnan(left))
            json_need(cJSON_AddNumberToObject(queue, "seconds_left", left));
        (void)cJSON_AddItemToArray(list, queue);
    }
    code = output_json(line);
    return code == EXIT_OK ? output_flush() : code;
}

/* ---- again and again ---- */

static enum exit_code draw(const struct watch *watch)
{
    struct dashboard dashboard = {.queues = watch->queues,
                                  .trends = watch->trends,
                                  .period_s = watch->settings->period_s,
                                  .looked_at_ms = watch->looked_at_ms,
                                  .trouble = watch->trouble};

    return dashboard_draw(&dashboard);
}

static enum exit_code show(const struct watch *watch)
{
    return watch->on_screen ? draw(watch) : print_line(watch);
}

/* Reads what has arrived: otherwise waiting for more would return at once. */
static void listen(struct connection *connection)
{
    amqp_frame_t frame;

    while (connection_read(connection, &frame) == CONNECTION_FRAME)
        continue;
    connection_release(connection);
}

/* Waits until until_ms, and draws again if the screen changes meanwhile. */
static enum exit_code wait_until(const struct watch *watch, int64_t until_ms)
{
    enum exit_code code = EXIT_OK;
    int64_t left;

    while (code == EXIT_OK && !stop_requested() && (left = until_ms - clock_monotonic_ms()) > 0) {
        listen(watch->queues->connection);
        connection_wait(watch->queues->connection, -1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (watch->on_screen && !stop_requested() && screen_changed())
            code = draw(watch);
    }
    return code;
}

static enum exit_code watch_on(struct watch *watch)
{
    const struct watch_settings *settings = watch->settings;
    int64_t next = clock_monotonic_ms();
    int64_t end = settings->timeout_s < 0 ? INT64_MAX : next + (int64_t)settings->timeout_s * 1000;
    enum exit_code code = show(watch);

    while (code == EXIT_OK && !stop_requested()) {
        next += (int64_t)settings->period_s * 1000;
        /* A look that took long delays the next ones, rather than cause a burst of them. */
        if (next < clock_monotonic_ms())
            next = clock_monotonic_ms();
        code = wait_until(watch, next < end ? next : end);
        if (code != EXIT_OK || stop_requested() || next > end)
            break;
        code = look_again(watch);
        if (code == EXIT_OK && !stop_requested())
            code = show(watch);
    }
    return code;
}

enum exit_code watch_queues(struct queues *queues, const struct watch_settings *settings)
{
    struct watch watch = {.queues = queues,
                          .settings = settings,
                          .on_screen = settings->format != FORMAT_JSON && screen_is_possible()};
    enum exit_code code;

    if (settings->format == FORMAT_TABLE && !watch.on_screen) {
        report("--watch with --format table needs a terminal that can be drawn on");
        return EXIT_USAGE;
    }
    watch.trends = xcalloc(queues->count, sizeof *watch.trends);
    code = look_first(&watch);
    if (code == EXIT_OK && watch.on_screen)
        code = screen_open();
    if (code == EXIT_OK)
        code = watch_on(&watch);
    code = first_failure(code, screen_close());
    free(watch.trends);
    return code == EXIT_OK && !stop_requested() ? queues_report_refused(queues) : code;
}
