#include "queues_print.h"

#include "base/text.h"
#include "json/output.h"
#include "terminal/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_SHOWN 300
#define CELL 32

static enum exit_code print_lines(const struct queues *queues)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < queues->count && code == EXIT_OK; i++)
        if (queues_is_shown(&queues->views[i]))
            code = output_json(queues_json(queues, &queues->views[i]));
    return code;
}

static const struct table_column columns[] = {
    {"QUEUE", COLUMNS_LEFT},    {"READY", COLUMNS_RIGHT}, {"CONSUMERS", COLUMNS_RIGHT},
    {"UNACKED", COLUMNS_RIGHT}, {"IN/S", COLUMNS_RIGHT},  {"OUT/S", COLUMNS_RIGHT},
    {"MEMORY", COLUMNS_RIGHT},  {"TYPE", COLUMNS_LEFT},   {"POLICY", COLUMNS_LEFT},
    {"ONLINE", COLUMNS_RIGHT},  {"LEADER", COLUMNS_LEFT},
};

#define COLUMNS_BY_AMQP 3
#define COLUMNS_BY_API 9
#define COLUMNS_OF_CLUSTER (sizeof columns / sizeof columns[0])

static void add_number(struct table *table, const char *format, double number)
{
    char cell[CELL] = "-";

    if (!isnan(number))
        (void)snprintf(cell, sizeof cell, format, number);
    table_add(table, cell);
}

static void add_bytes(struct table *table, double bytes)
{
    static const char *const formats[] = {"%.0f", "%.0fK", "%.0fM", "%.0fG", "%.0fT"};
    size_t unit = 0;

    while (bytes >= 10000 && unit + 1 < sizeof formats / sizeof formats[0]) {
        bytes /= 1024;
        unit++;
    }
    add_number(table, formats[unit], bytes);
}

static void add_text(struct table *table, const char *text)
{
    table_add(table, text == NULL ? "-" : printable_up_to(NAME_MAX_SHOWN, text, strlen(text)));
}

static void add_depth(struct table *table, const struct queue_depth *depth)
{
    const char *obstacle = queues_obstacle(depth);

    if (obstacle != NULL)
        table_add(table, obstacle);
    else
        add_number(table, "%.0f", depth->ready);
    add_number(table, "%.0f", obstacle == NULL ? (double)depth->consumers : (double)NAN);
}

static void add_details(struct table *table, const struct queue_details *details)
{
    add_number(table, "%.0f", details->unacknowledged);
    add_number(table, "%.1f", details->rate_in);
    add_number(table, "%.1f", details->rate_out);
    add_bytes(table, details->memory);
    add_text(table, details->type);
    add_text(table, details->policy);
}

static void add_members(struct table *table, const struct queue_details *details)
{
    char cell[CELL] = "-";

    if (queues_members(details) > 0)
        (void)snprintf(cell, sizeof cell, "%zu/%zu", queues_online(details),
                       queues_members(details));
    table_add(table, cell);
    add_text(table, details->leader);
}

/* Returns whether a queue has several members. On a single node the columns say nothing. */
static bool is_cluster(const struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++)
        if (queues_members(&queues->views[i].details) > 1)
            return true;
    return false;
}

static enum exit_code print_table(const struct queues *queues)
{
    bool has_members = is_cluster(queues);
    struct table *table = table_new(columns, queues->management == NULL ? COLUMNS_BY_AMQP
                                             : has_members              ? COLUMNS_OF_CLUSTER
                                                                        : COLUMNS_BY_API);
    enum exit_code code;

    for (size_t i = 0; i < queues->count; i++) {
        if (!queues_is_shown(&queues->views[i]))
            continue;
        add_text(table, queues->views[i].name);
        add_depth(table, &queues->views[i].depth);
        if (queues->management != NULL)
            add_details(table, &queues->views[i].details);
        if (has_members)
            add_members(table, &queues->views[i].details);
    }
    code = table_print(table);
    table_free(table);
    return code;
}

enum exit_code queues_print(const struct queues *queues, enum queues_format format)
{
    if (format == FORMAT_TABLE || (format == FORMAT_BY_OUTPUT && isatty(STDOUT_FILENO) == 1))
        return print_table(queues);
    return print_lines(queues);
}
