#include "watch.h"

#include "trend.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "terminal/columns.h"
#include "terminal/screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the drawings show: some minutes, or more if it takes more to see so many looks. */
#define SPAN_LEAST_MS 180000
#define SPAN_PERIODS 60
#define CELL 32

struct watch {
    struct queues *survey;
    const struct watch_settings *settings;
    struct trend *trends; /* of ready, one for each queue */
    int64_t looked_at_ms; /* by the monotonic clock */
    int failures;         /* in a row: of looks on a screen */
    const char *trouble;  /* of the last look, or NULL */
};

/* ---- looking ---- */

static enum exit_code look(struct watch *watch)
{
    struct queues *survey = watch->survey;
    enum exit_code code;

    if (!watch->settings->screen)
        return queues_look_patiently(survey);
    code = connection_try(survey->connection);
    return code == EXIT_OK ? queues_look(survey) : code;
}

static void note_depths(struct watch *watch)
{
    watch->looked_at_ms = clock_monotonic_ms();
    for (size_t i = 0; i < watch->survey->count; i++)
        if (queues_obstacle(&watch->survey->views[i].depth) == NULL)
            trend_add(&watch->trends[i], watch->looked_at_ms, watch->survey->views[i].depth.ready);
}

/* On a screen: goes on, unless there were too many failures or trying again is of no use. */
static enum exit_code bear_with(struct watch *watch, enum exit_code code)
{
    watch->trouble = connection_reason(watch->survey->connection);
    if (code == EXIT_UNREACHABLE && ++watch->failures < watch->settings->retries)
        return EXIT_OK;
    (void)screen_close();
    report("broker '%s' (looking): %s", connection_broker(watch->survey->connection),
           watch->trouble);
    return code;
}

/* Not being able to ask for details is reported when it begins. */
static void ask(struct watch *watch, bool missed_before)
{
    if (queues_ask(watch->survey) == EXIT_OK)
        return;
    watch->trouble = management_reason(watch->survey->management);
    if (!watch->settings->screen && !missed_before)
        report("%s", watch->trouble);
}

/* A line of JSON says it itself; a row has no room for more than a word. */
static void show_refused(struct watch *watch)
{
    const struct queue_view *refused = queues_refused(watch->survey);

    if (refused != NULL && watch->trouble == NULL && watch->settings->screen)
        watch->trouble = refused->error;
}

static enum exit_code look_again(struct watch *watch)
{
    bool missed_before = watch->trouble != NULL;
    enum exit_code code = look(watch);

    watch->trouble = NULL;
    if (code != EXIT_OK && watch->settings->screen)
        return bear_with(watch, code);
    if (code != EXIT_OK)
        return code;
    watch->failures = 0;
    note_depths(watch);
    ask(watch, missed_before);
    show_refused(watch);
    return EXIT_OK;
}

/* Whatever is wrong at the start is more likely to be wrong for good. */
static enum exit_code look_first(struct watch *watch)
{
    enum exit_code code = queues_look_patiently(watch->survey);

    if (code != EXIT_OK)
        return code;
    note_depths(watch);
    code = queues_ask(watch->survey);
    if (code != EXIT_OK)
        report("%s", management_reason(watch->survey->management));
    show_refused(watch);
    return code;
}

/* ---- as lines ---- */

static enum exit_code print_line(const struct watch *watch)
{
    cJSON *line = cJSON_CreateObject();
    char time[CLOCK_TEXT_SIZE];
    cJSON *queues;
    enum exit_code code;

    json_need(line);
    clock_rfc3339(clock_utc_ms(), time);
    json_need(cJSON_AddStringToObject(line, "time", time));
    queues = cJSON_AddArrayToObject(line, "queues");
    json_need(queues);
    for (size_t i = 0; i < watch->survey->count; i++) {
        cJSON *queue = queues_json(watch->survey, &watch->survey->views[i]);
        double left = trend_seconds_left(&watch->trends[i]);

        json_need(cJSON_AddNumberToObject(queue, "rate_net", trend_rate(&watch->trends[i])));
        if (!isnan(left))
            json_need(cJSON_AddNumberToObject(queue, "seconds_left", left));
        (void)cJSON_AddItemToArray(queues, queue);
    }
    code = output_json(line);
    return code == EXIT_OK ? output_flush() : code;
}

/* ---- on a screen ---- */

struct field {
    const char *heading;
    size_t columns;
    enum { ALWAYS, BY_AMQP, BY_API } when; /* there is no management API; there is one */
    void (*write)(const struct watch *watch, size_t queue, char text[CELL]);
};

static void write_ready(const struct watch *watch, size_t queue, char text[CELL])
{
    const struct queue_depth *depth = &watch->survey->views[queue].depth;

    const char *obstacle = queues_obstacle(depth);

    if (obstacle == NULL)
        (void)snprintf(text, CELL, "%u", depth->ready);
    else
        (void)snprintf(text, CELL, "%s", obstacle);
}

static void write_consumers(const struct watch *watch, size_t queue, char text[CELL])
{
    const struct queue_depth *depth = &watch->survey->views[queue].depth;

    if (queues_obstacle(depth) == NULL)
        (void)snprintf(text, CELL, "%u", depth->consumers);
}

static void write_rate(double rate, const char *format, char text[CELL])
{
    if (!isnan(rate))
        (void)snprintf(text, CELL, format, rate);
}

static void write_net(const struct watch *watch, size_t queue, char text[CELL])
{
    write_rate(trend_rate(&watch->trends[queue]), "%+.1f", text);
}

static void write_in(const struct watch *watch, size_t queue, char text[CELL])
{
    write_rate(watch->survey->views[queue].details.rate_in, "%.1f", text);
}

static void write_out(const struct watch *watch, size_t queue, char text[CELL])
{
    write_rate(watch->survey->views[queue].details.rate_out, "%.1f", text);
}

static void write_left(const struct watch *watch, size_t queue, char text[CELL])
{
    double left = trend_seconds_left(&watch->trends[queue]);
    int seconds;

    if (isnan(left))
        return;
    if (left > 99 * 3600) {
        (void)snprintf(text, CELL, ">99h");
        return;
    }
    seconds = (int)left;
    if (seconds < 60)
        (void)snprintf(text, CELL, "%ds", seconds);
    else if (seconds < 3600)
        (void)snprintf(text, CELL, "%dm%02ds", seconds / 60, seconds % 60);
    else
        (void)snprintf(text, CELL, "%dh%02dm", seconds / 3600, seconds / 60 % 60);
}

static const struct field fields[] = {
    {"READY", 8, ALWAYS, write_ready}, {"CONSUMERS", 9, BY_AMQP, write_consumers},
    {"NET/S", 9, BY_AMQP, write_net},  {"IN/S", 8, BY_API, write_in},
    {"OUT/S", 8, BY_API, write_out},   {"LEFT", 6, ALWAYS, write_left},
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])
#define NAME_LEAST (sizeof "QUEUE" - 1)
#define GRAPH_LEAST 10

static bool is_shown(const struct watch *watch, const struct field *field)
{
    return field->when == ALWAYS || (field->when == BY_API) == (watch->survey->management != NULL);
}

/* How a row is divided: the name, the fields, and what is left for the drawing. */
struct layout {
    size_t name;
    size_t graph;
};

static struct layout lay_out(const struct watch *watch, size_t columns)
{
    struct layout layout = {.name = NAME_LEAST};
    size_t taken = 1;
    size_t room = NAME_LEAST + GRAPH_LEAST;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (is_shown(watch, &fields[i]))
            taken += fields[i].columns + 1;
    for (size_t i = 0; i < watch->survey->count; i++) {
        size_t own = columns_of(printable_text(watch->survey->views[i].name));

        layout.name = own > layout.name ? own : layout.name;
    }
    /* A narrow screen cuts long names first, and then the rows. */
    if (columns > taken + room)
        room = columns - taken;
    if (layout.name > room - GRAPH_LEAST)
        layout.name = room - GRAPH_LEAST;
    layout.graph = room - layout.name;
    return layout;
}

static int64_t span_ms(const struct watch *watch)
{
    int64_t span = (int64_t)watch->settings->period_s * SPAN_PERIODS * 1000;

    return span > SPAN_LEAST_MS ? span : SPAN_LEAST_MS;
}

static void put_title(const struct watch *watch, FILE *out)
{
    char time[CLOCK_TEXT_SIZE];

    clock_rfc3339(clock_utc_ms(), time);
    (void)fprintf(out, "%s  %s  every %d s\n", time, connection_broker(watch->survey->connection),
                  watch->settings->period_s);
    if (watch->trouble != NULL)
        (void)fprintf(out, "%s\n", watch->trouble);
}

static void put_headings(const struct watch *watch, const struct layout *layout, FILE *out)
{
    char span[CELL];

    columns_put(out, "QUEUE", layout->name, COLUMNS_LEFT);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!is_shown(watch, &fields[i]))
            continue;
        (void)fputc(' ', out);
        columns_put(out, fields[i].heading, fields[i].columns, COLUMNS_RIGHT);
    }
    (void)snprintf(span, sizeof span, "LAST %d MIN", (int)(span_ms(watch) / 60000));
    (void)fputc(' ', out);
    columns_put(out, span, layout->graph, COLUMNS_LEFT);
    (void)fputc('\n', out);
}

static void put_queue(const struct watch *watch, const struct layout *layout, size_t queue,
                      FILE *out)
{
    columns_put(out, printable_text(watch->survey->views[queue].name), layout->name, COLUMNS_LEFT);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char text[CELL] = "-";

        if (!is_shown(watch, &fields[i]))
            continue;
        fields[i].write(watch, queue, text);
        (void)fputc(' ', out);
        columns_put(out, text, fields[i].columns, COLUMNS_RIGHT);
    }
    (void)fputc(' ', out);
    trend_draw(&watch->trends[queue], watch->looked_at_ms, span_ms(watch), layout->graph,
               screen_is_utf8(), out);
    (void)fputc('\n', out);
}

static enum exit_code draw(const struct watch *watch)
{
    struct layout layout = lay_out(watch, screen_size().columns);
    char *text = NULL;
    size_t len = 0;
    FILE *out = columns_start(&text, &len);
    enum exit_code code;

    put_title(watch, out);
    put_headings(watch, &layout, out);
    for (size_t i = 0; i < watch->survey->count; i++)
        put_queue(watch, &layout, i, out);
    columns_finish(out);
    code = screen_draw(text);
    free(text);
    return code;
}

/* ---- again and again ---- */

static enum exit_code show(const struct watch *watch)
{
    return watch->settings->screen ? draw(watch) : print_line(watch);
}

/* Lets the broker say what it has to say, so that waiting for more is possible. */
static void listen(struct connection *connection)
{
    amqp_frame_t frame;

    while (connection_read(connection, &frame) == CONNECTION_FRAME)
        continue;
    connection_release(connection);
}

/* Until that time, drawing anew if the screen changes. */
static enum exit_code wait_until(const struct watch *watch, int64_t until_ms)
{
    enum exit_code code = EXIT_OK;
    int64_t left;

    while (code == EXIT_OK && !stop_requested() && (left = until_ms - clock_monotonic_ms()) > 0) {
        listen(watch->survey->connection);
        connection_wait(watch->survey->connection, -1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (watch->settings->screen && !stop_requested() && screen_changed())
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
        /* After a look that took long, the next ones do not come in a burst. */
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

enum exit_code watch_queues(struct queues *survey, const struct watch_settings *settings)
{
    struct watch watch = {.survey = survey, .settings = settings};
    enum exit_code code;

    watch.trends = xcalloc(survey->count, sizeof *watch.trends);
    code = look_first(&watch);
    if (code == EXIT_OK && settings->screen)
        code = screen_open();
    if (code == EXIT_OK)
        code = watch_on(&watch);
    code = first_failure(code, screen_close());
    free(watch.trends);
    return code == EXIT_OK && !stop_requested() ? queues_report_refused(survey) : code;
}
