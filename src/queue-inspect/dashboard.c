#include "dashboard.h"

#include "base/clock.h"
#include "base/text.h"
#include "terminal/columns.h"
#include "terminal/screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    {"READY", 8, ALWAYS, write_ready}, {"CONSUMERS", 9, ALWAYS, write_consumers},
    {"NET/S", 9, BY_AMQP, write_net},  {"IN/S", 7, BY_API, write_in},
    {"OUT/S", 7, BY_API, write_out},   {"LEFT", 6, ALWAYS, write_left},
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])
#define NAME_LEAST 20 /* columns that a name keeps, whatever else must go */
#define GRAPH_LEAST 9 /* a narrower graph tells nothing, and is left out */

static bool is_shown(const struct dashboard *dashboard, const struct field *field)
{
    return field->when == ALWAYS ||
           (field->when == BY_API) == (dashboard->queues->management != NULL);
}

/* The widths of the name and the graph in a row; 0: there is no graph. */
struct layout {
    size_t name;
    size_t graph;
};

static size_t longest_name(const struct dashboard *dashboard)
{
    size_t longest = sizeof "QUEUE" - 1;

    for (size_t i = 0; i < dashboard->queues->count; i++) {
        const struct queue_view *view = &dashboard->queues->views[i];
        size_t own = queues_is_shown(view) ? columns_of(printable_text(view->name)) : 0;

        longest = own > longest ? own : longest;
    }
    return longest;
}

/* On a narrow screen, first the graphs go, then long names are cut, then the rows. */
static struct layout lay_out(const struct dashboard *dashboard, size_t columns)
{
    struct layout layout = {.name = longest_name(dashboard)};
    size_t fields_width = 0;
    size_t room;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (is_shown(dashboard, &fields[i]))
            fields_width += fields[i].columns + 1;
    room = columns > fields_width + NAME_LEAST ? columns - fields_width : NAME_LEAST;
    layout.name = layout.name > room ? room : layout.name;
    room -= layout.name;
    layout.graph = room > GRAPH_LEAST ? room - 1 : 0;
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

/* Writes what the graphs show, as fully as there is room. */
static void put_graph_heading(const struct dashboard *dashboard, size_t columns, FILE *out)
{
    static const char *const formats[] = {"LAST %d MIN, EACH ON ITS OWN SCALE",
                                          "LAST %d MIN, OWN SCALE", "%d MIN, OWN SCALE",
                                          "OWN SCALE"};
    int minutes = (int)(span_ms(dashboard) / 60000);
    char heading[2 * CELL];
    size_t i = 0;

    do
        (void)snprintf(heading, sizeof heading, formats[i], minutes);
    while (strlen(heading) > columns && ++i < sizeof formats / sizeof formats[0]);
    (void)fputc(' ', out);
    columns_put(out, heading, columns, COLUMNS_LEFT);
}

static void put_headings(const struct dashboard *dashboard, const struct layout *layout, FILE *out)
{
    columns_put(out, "QUEUE", layout->name, COLUMNS_LEFT);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!is_shown(dashboard, &fields[i]))
            continue;
        (void)fputc(' ', out);
        columns_put(out, fields[i].heading, fields[i].columns, COLUMNS_RIGHT);
    }
    if (layout->graph > 0)
        put_graph_heading(dashboard, layout->graph, out);
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
    if (layout->graph > 0) {
        (void)fputc(' ', out);
        trend_draw(&dashboard->trends[queue], dashboard->looked_at_ms, span_ms(dashboard),
                   layout->graph, screen_is_utf8(), out);
    }
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
        if (queues_is_shown(&dashboard->queues->views[i]))
            put_queue(dashboard, &layout, i, out);
    columns_finish(out);
    code = screen_draw(text);
    free(text);
    return code;
}
