/*
 * order-show: orders out of the local store, a line of JSON each. It needs no broker.
 */
#include "story.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/moment.h"
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/uuid.h"
#include "engine/open.h"
#include "engine/where.h"
#include "json/output.h"
#include "order/id_stream.h"
#include "order/people.h"
#include "store/order_line.h"
#include "store/orders.h"
#include "store/question.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: order-show ID...\n"
    "       order-show < ids\n"
    "       order-show --story [--audit FILE] ID...\n"
    "       order-show --story [--audit FILE] < ids\n"
    "       order-show [--all] [--status STATUS] [--since WHEN] [--until WHEN] [--user ID]\n"
    "                  [--restaurant ID] [--count]\n"
    "Prints stored orders: those with the given ids, those with the ids on standard input, or\n"
    "all that match every option that is given.\n";

static bool all;
static bool count_only;
static bool story;
static const char *audit;
static enum order_status wanted_status;
static struct orders_question question = {.until_ms = INT64_MAX};

static void read_status(const char *option, const char *text)
{
    if (!order_status_read(text, &wanted_status))
        die(EXIT_USAGE, "%s: '%s' is not " ORDER_STATUS_NAMES, option, printable_text(text));
    question.only = &wanted_status;
}

static int64_t read_moment(const char *option, const char *text)
{
    int64_t ms;

    if (!moment_read(text, clock_utc_ms(), &ms))
        die(EXIT_USAGE,
            "%s: '%s' is neither an age such as 15m nor a time such as 2026-01-31T12:00:00Z",
            option, printable_text(text));
    return ms;
}

static void read_since(const char *option, const char *text)
{
    question.since_ms = read_moment(option, text);
}

static void read_until(const char *option, const char *text)
{
    question.until_ms = read_moment(option, text);
}

static struct option_entry options[] = {
    {"all", NULL, "print every order, oldest first", .flag = &all},
    {"status", ORDER_STATUS_WORDS, "only orders with this status", .call = read_status},
    {"since", "WHEN",
     "only orders placed at WHEN or later: an age (90s, 15m, 2h, 3d,\n"
     "2w) or a time in UTC (2026-01-31T12:00:00Z)",
     .call = read_since},
    {"until", "WHEN", "only orders placed before WHEN", .call = read_until},
    {"user", "ID", "only orders with this user_id", .text = &question.user_id},
    {"restaurant", "ID", "only orders with this restaurant_id", .text = &question.restaurant_id},
    {"count", NULL, "print the number of orders instead", .flag = &count_only},
    {"story", NULL,
     "print all that is known of each order, also by the ledger and\n"
     "notify-worker",
     .flag = &story},
    {"audit", "FILE", "with --story: look into this audit file of dlq-replay, too", .text = &audit},
    {.group = where_orders_table},
    {.group = common_option_table},
    {0},
};

static char **read_options(int argc, char **argv)
{
    char **ids = options_read(argc, argv, usage, options);

    if (*ids != NULL && (all || !question_is_empty(&question) || count_only))
        usage_error("--all, --count and the options that select orders take no ids");
    if (story && (all || !question_is_empty(&question) || count_only))
        usage_error("--story is about orders that are named");
    if (audit != NULL && !story)
        usage_error("--audit goes with --story");
    return ids;
}

static struct orders *store;

static enum exit_code print_order(const struct stored_order *order)
{
    char *line = xmalloc(order_line_size(order));
    enum exit_code code = output_json_text(line, order_line(order, line));

    free(line);
    return code;
}

/* Prints an order that each() or find() visits. */
static bool print_visited(void *context, size_t index, const struct stored_order *order)
{
    enum exit_code *code = context;

    (void)index;
    *code = order == NULL ? EXIT_NO : print_order(order);
    return *code == EXIT_OK && !stop_requested();
}

static enum exit_code open_store(void)
{
    enum exit_code code = engine_open_orders(NULL, ORDERS_LOOK, NULL, &store);

    if (code == EXIT_OK && story)
        story_open(audit);
    return code;
}

static enum exit_code show_all(void)
{
    enum exit_code printed = EXIT_OK;
    enum exit_code code = open_store();

    if (code == EXIT_OK)
        code = question_ask(store, &question, people_read, print_visited, &printed);
    return code == EXIT_OK ? printed : code;
}

static enum exit_code show_count(void)
{
    int64_t count = 0;
    char line[32];
    enum exit_code code = open_store();
    int len;

    if (code == EXIT_OK)
        code = question_count(store, &question, people_read, &count);
    len = snprintf(line, sizeof line, "%" PRId64, count);
    return code == EXIT_OK ? output_line(line, (size_t)len) : code;
}

/* Returns EXIT_NO, reported, if there is no such order. */
static enum exit_code show_one(const char *text)
{
    unsigned char id[1][UUID_BYTES];
    enum exit_code shown = EXIT_NO;
    enum exit_code code = EXIT_OK;

    /* Opened only now: in a pipe after order-place, it may not exist before the first receipt. */
    if (store == NULL)
        code = open_store();
    if (code == EXIT_OK && story)
        shown = story_print(store, text);
    else if (code == EXIT_OK && uuid_from_text(text, id[0]))
        code = store->operations->find(store, (const unsigned char(*)[UUID_BYTES])id, 1,
                                       print_visited, &shown);
    if (code != EXIT_OK)
        return code;
    if (shown == EXIT_NO)
        report("no order '%s'", printable_text(text));
    return shown;
}

/* Shows one order and notes a failure in *code, where EXIT_NO comes after any other. Returns
 * whether to go on: after EXIT_NO, too. */
static bool show_next(const char *text, enum exit_code *code)
{
    enum exit_code one = show_one(text);

    *code = one == EXIT_NO ? first_failure(*code, one) : first_failure(one, *code);
    return one == EXIT_OK || one == EXIT_NO;
}

static enum exit_code show_ids(struct id_stream *ids)
{
    enum exit_code code = EXIT_OK;
    struct id_piece piece;

    for (;;) {
        switch (id_stream_next(ids, &piece)) {
        case ID_STREAM_ID:
            if (!show_next(piece.id, &code))
                return code;
            break;
        case ID_STREAM_REFUSED:
            report("input %" PRIu64 " (line %" PRIu64 "): %s", piece.number, piece.line,
                   piece.refusal);
            code = EXIT_INPUT;
            break;
        case ID_STREAM_EMPTY:
            /* A reader that waits for this answer may ask only then for the next. */
            if (output_flush() != EXIT_OK)
                return EXIT_OUTPUT;
            if (!id_stream_read_on(ids))
                code = EXIT_INPUT;
            break;
        default:
            return output_flush() != EXIT_OK ? EXIT_OUTPUT : code;
        }
    }
}

static enum exit_code show_from_input(void)
{
    struct id_stream *ids = id_stream_new(STDIN_FILENO, ID_STREAM_ORDERS);
    enum exit_code code = show_ids(ids);

    id_stream_free(ids);
    return code;
}

static enum exit_code show_named(char **ids)
{
    enum exit_code code = EXIT_OK;

    while (*ids != NULL && show_next(*ids, &code))
        ids++;
    return code;
}

int main(int argc, char **argv)
{
    char **ids;
    enum exit_code code;

    report_program(argv[0]);
    ids = read_options(argc, argv);
    stop_on_signals();
    output_only_shows();
    if (count_only)
        code = show_count();
    else if (all || !question_is_empty(&question))
        code = show_all();
    else if (*ids != NULL)
        code = show_named(ids);
    else
        code = show_from_input();
    story_close();
    if (store != NULL)
        store->operations->close(store);
    return program_end(code, false);
}
