#include "dashboard.h"

#include "base/clock.h"
#include "base/text.h"
#include "terminal/columns.h"
#include "terminal/screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What the graphs cover: some minutes, or more to cover so many looks. */
#define SPAN_LEAST_MS 180000
#define SPAN_PERIODS 60
#define CELL 32

struct field {
    const char *heading;
    size_t columns;
    enum { ALWAYS, BY_AMQP, BY_API } when; /* always, or only without, or with, a management API */
    void (*write)(const struct dashboard *dashboard, size_t queue, char text[CELL]);
};

static void write_ready(const struct dashboard *dashboard, size_t queue, char text[CELL])
{
    const struct queue_depth *depth = &dashboard->queues->views[queue].depth;

    const char *obstacle = queues_obstacle(depth);

    if (obstacle == NULL)
        (void)snprintf(text, CELL, "%u", depth->ready);
    else
        (void)snprintf(text, CELL, "%s", obstacle);
}

static void write_consumers(const struct dashboard *dashboard, size_t queue, char text[CELL])
{
    const struct queue_depth *depth = &dashboard->queues->views[queue].depth;

    if (queues_obstacle(depth) == NULL)
        (void)snprintf(text, CELL, "%u", depth->consumers);
}

static void write_rate(double rate, const char *format, char text[CELL])
{
    if (!isnan(rate))
        (void)snprintf(text, CELL, format, rate);
}

static void write_net(const struct dashboard *dashboard, size_t queue, char text[CELL])
{
    write_rate(trend_rate(&dashboard->trends[queue]), "%+.1f", text);
}

static void write_in(const struct dashboard *dashboard, size_t queue, char text[CELL])
{
    write_rate(dashboard->queues->views[queue].details.rate_in, "%.1f", text);
}

static void write_out(const struct dashboard *dashboard, size_t queue, char text[CELL])
{
    write_rate(dashboard->queues->views[queue].details.rate_out, "%.1f", text);
}

static void write_left(const struct dashboard *dashboard, size_t queue, char text[CELL])
{
    double left = trend_seconds_left(&dashboard->trends[queue]);
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

static bool is_shown(const struct dashboard *dashboard, const struct field *field)
{
    return field->when == ALWAYS ||
           (field->when == BY_API) == (dashboard->queues->management != NULL);
}

/* The widths of the name and the graph in a row. */
struct layout {
    size_t name;
    size_t graph;
};

static struct layout lay_out(const struct dashboard *dashboard, size_t columns)
{
    struct layout layout = {.name = NAME_LEAST};
    size_t taken = 1;
    size_t room = NAME_LEAST + GRAPH_LEAST;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (is_shown(dashboard, &fields[i]))
            taken += fields[i].columns + 1;
    for (size_t i = 0; i < dashboard->queues->count; i++) {
        size_t own = columns_of(printable_text(dashboard->queues->views[i].name));

        layout.name = own > layout.name ? own : layout.name;
    }
    /* On a narrow screen, first long names are cut, then the rows. */
    if (columns > taken + room)
        room = columns - taken;
    if (layout.name > room - GRAPH_LEAST)
        layout.name = room - GRAPH_LEAST;
    layout.graph = room - layout.name;
    return layout;
}

static int64_t span_ms(const struct dashboard *dashboard)
{
    int64_t span = (int64_t)dashboard->period_s * SPAN_PERIODS * 1000;

    return span > SPAN_LEAST_MS ? span : SPAN_LEAST_MS;
}

static void put_title(const struct dashboard *dashboard, FILE *out)
{
    char time[CLOCK_TEXT_SIZE];

    clock_rfc3339(clock_utc_ms(), time);
    (void)fprintf(out, "%s  %s  every %d s\n", time,
                  connection_broker(dashboard->queues->connection), dashboard->period_s);
    if (dashboard->trouble != NULL)
        (void)fprintf(out, "%s\n", dashboard->trouble);
}

static void put_headings(const struct dashboard *dashboard, const struct layout *layout, FILE *out)
{
    char span[CELL];

    columns_put(out, "QUEUE", layout->name, COLUMNS_LEFT);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!is_shown(dashboard, &fields[i]))
            continue;
        (void)fputc(' ', out);
        columns_put(out, fields[i].heading, fields[i].columns, COLUMNS_RIGHT);
    }
    (void)snprintf(span, sizeof span, "LAST %d MIN", (int)(span_ms(dashboard) / 60000));
    (void)fputc(' ', out);
    columns_put(out, span, layout->graph, COLUMNS_LEFT);
    (void)fputc('\n', out);
}

static void put_queue(const struct dashboard *dashboard, const struct layout *layout, size_t queue,
                      FILE *out)
{
    columns_put(out, printable_text(dashboard->queues->views[queue].name), layout->name,
                COLUMNS_LEFT);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char text[CELL] = "-";

        if (!is_shown(dashboard, &fields[i]))
            continue;
        fields[i].write(dashboard, queue, text);
        (void)fputc(' ', out);
        columns_put(out, text, fields[i].columns, COLUMNS_RIGHT);
    }
    (void)fputc(' ', out);
    trend_draw(&dashboard->trends[queue], dashboard->looked_at_ms, span_ms(dashboard),
               layout->graph, screen_is_utf8(), out);
    (void)fputc('\n', out);
}

enum exit_code dashboard_draw(const struct dashboard *dashboard)
{
    struct layout layout = lay_out(dashboard, screen_size().columns);
    char *text = NULL;
    size_t len = 0;
    FILE *out = columns_start(&text, &len);
    enum exit_code code;

    put_title(dashboard, out);
    put_headings(dashboard, &layout, out);
    for (size_t i = 0; i < dashboard->queues->count; i++)
        put_queue(dashboard, &layout, i, out);
    columns_finish(out);
    code = screen_draw(text);
    free(text);
    return code;
}
