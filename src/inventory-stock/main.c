/*
 * inventory-stock: sets and shows how many units of each sku are on hand and reserved, hands over
 * orders that are reserved, settles what none of them holds, and keeps the books. It needs no
 * broker. Each level is set in a transaction of its own, so workers may be running: an order is
 * decided before a change or after it.
 *
 * hand_over.h and settle.h say what holds when this program is killed while it does that.
 */
#include "books.h"
#include "hand_over.h"
#include "settle.h"

#include "base/clock.h"
#include "base/moment.h"
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "engine/open.h"
#include "engine/where.h"
#include "json/json.h"
#include "json/output.h"
#include "json/stream.h"
#include "order/order.h"
#include "store/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SIZE 4096

static const char usage[] =
    "usage: inventory-stock [--add] < levels\n"
    "       inventory-stock < /dev/null\n"
    "       inventory-stock --hand-over ID...\n"
    "       inventory-stock --hand-over < ids\n"
    "       inventory-stock --report [--since TIME]\n"
    "       inventory-stock --remove SKU...\n"
    "       inventory-stock --settle --all\n"
    "       inventory-stock --settle SKU...\n"
    "       inventory-stock --settle < skus\n"
    "Sets stock levels from a stream of JSON objects {sku, on_hand}, and prints each new level,\n"
    "{sku, on_hand, reserved}. If the input is empty or a terminal, prints all levels. Or hands "
    "over\n"
    "reserved orders, prints how stock has moved, removes levels, or hands over units that are\n"
    "reserved, but that no order on record holds.\n";

static bool add;
static bool hands_over;
static bool reports;
static bool removes;
static bool settles;
static bool settles_all;
static bool has_since;
static int64_t since_ms;

static void read_since(const char *option, const char *text)
{
    has_since = true;
    if (!moment_read(text, clock_utc_ms(), &since_ms))
        die(EXIT_USAGE,
            "%s: '%s' is neither an age (90s, 15m, 2h, 3d, 2w) nor a time (2026-01-31T12:00:00Z)",
            option, printable_text(text));
}

static struct option_entry options[] = {
    {"add", NULL, "add on_hand, which may be negative, to the present level", .flag = &add},
    {"hand-over", NULL, "hand over the reserved orders that are named, or whose ids are read",
     .flag = &hands_over},
    {"report", NULL, "print the movements of each sku, and how it stands", .flag = &reports},
    {"since", "TIME",
     "report movements since the hour of TIME: 2026-01-31T12:00:00Z, or an age:\n"
     "15m, 2h, 3d, 2w",
     .call = read_since},
    {"remove", NULL, "remove the levels of the skus that are named, if nothing is there",
     .flag = &removes},
    {"settle", NULL,
     "book as handed over what is reserved of the skus, but held by no order on record",
     .flag = &settles},
    {"all", NULL, "settle all skus", .flag = &settles_all},
    {.group = where_ledger_table},
    {.group = common_option_table},
    {0},
};

/* For a database that is away. */
static const struct store_patience patience = {.attempts = 60, .delay_s = 1};

static struct ledger *ledger;
static bool some_refused;
static bool some_set;

static bool refuse(const struct json_piece *piece, const char *reason)
{
    report("input %" PRIu64 " (line %" PRIu64 "): %s", piece->number, piece->line, reason);
    some_refused = true;
    return false;
}

/* Reads a level, or what to add to one, from tree, which keeps its sku. */
static bool read_level(const struct json_piece *piece, const cJSON *tree,
                       struct ledger_level *level)
{
    const cJSON *sku;
    const cJSON *on_hand;

    if (!json_member_once(tree, "sku", &sku) || !json_member_once(tree, "on_hand", &on_hand))
        return refuse(piece, "sku or on_hand is there twice");
    if (sku == NULL || on_hand == NULL)
        return refuse(piece, sku == NULL ? "sku is missing" : "on_hand is missing");
    level->sku = cJSON_GetStringValue(sku);
    if (level->sku == NULL || !text_is_printable(level->sku, strlen(level->sku), ORDER_MAX_TEXT))
        return refuse(piece, "sku is not a string of 1 to 256 bytes without control characters");
    if (!json_integer(on_hand, add ? -STOCK_MAX : 0, STOCK_MAX, &level->on_hand))
        return refuse(piece, add ? "on_hand is not an integer of up to 10^12"
                                 : "on_hand is not an integer from 0 to 10^12");
    return true;
}

static enum exit_code print_level(const struct ledger_level *level)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_need(cJSON_AddStringToObject(line, "sku", level->sku));
    json_need(cJSON_AddNumberToObject(line, "on_hand", (double)level->on_hand));
    json_need(cJSON_AddNumberToObject(line, "reserved", (double)level->reserved));
    return output_json(line);
}

/* Tells a person at a terminal that the levels may be in another ledger than the one that is
 * worked with. */
static enum exit_code look_for_workers(void)
{
    bool is_worked = true;
    enum exit_code code =
        isatty(STDERR_FILENO) == 1 ? ledger->operations->is_worked(ledger, &is_worked) : EXIT_OK;
    char *place;

    if (is_worked)
        return code;
    place = where_is_ledger();
    report("no inventory-worker has this ledger open now: %s", printable_text(place));
    free(place);
    return EXIT_OK;
}

/* Opens the ledger, unless it is open. */
static enum exit_code open_ledger(enum ledger_access access)
{
    return ledger != NULL ? EXIT_OK : engine_open_ledger(NULL, access, &patience, &ledger);
}

static enum exit_code apply(const struct json_piece *piece, struct ledger_level *level)
{
    enum exit_code code = open_ledger(LEDGER_STOCK);

    if (code == EXIT_OK)
        code = ledger->operations->set_levels(ledger, level, 1, add);
    if (code != EXIT_OK)
        return code;
    some_set = some_set || level->is_limited;
    if (level->is_limited)
        return print_level(level);
    (void)refuse(piece, "that would leave less than nothing on hand, or more than 10^12");
    return EXIT_OK;
}

static enum exit_code take_value(const struct json_piece *piece)
{
    cJSON *tree = json_parse_scanned(piece->text, piece->len, piece->traits);
    struct ledger_level level = {0};
    enum exit_code code = read_level(piece, tree, &level) ? apply(piece, &level) : EXIT_OK;

    cJSON_Delete(tree);
    return code;
}

/* Flushes the output, waits for input and reads it. Ends the input if a stop is requested. */
static enum exit_code read_on(struct json_stream *input)
{
    if (output_flush() != EXIT_OK)
        return EXIT_OUTPUT;
    stop_or_readable(STDIN_FILENO);
    if (stop_requested()) {
        json_stream_end(input, "asked to stop before it ended");
        return EXIT_OK;
    }
    if (!json_stream_fill(input)) {
        report_errno("cannot read standard input");
        some_refused = true;
        json_stream_end(input, "not read to its end");
    }
    return EXIT_OK;
}

/* Reports where to go on after a failure: at this piece if the ledger failed, otherwise after
 * it. */
static void report_unset(struct json_stream *input, struct json_piece *piece, enum exit_code code)
{
    json_stream_end(input, "not read to its end");
    if (code == EXIT_STORE || json_stream_next(input, piece) != JSON_STREAM_END)
        report("nothing from input %" PRIu64 " (line %" PRIu64 ") on was set", piece->number,
               piece->line);
}

/* Reads the input to its end, or until a stop is requested. Sets *any to whether there was a
 * value. */
static enum exit_code change_levels(bool *any)
{
    struct json_stream *input = json_stream_new(STDIN_FILENO, LINE_MAX_SIZE);
    struct json_piece piece;
    enum exit_code code = EXIT_OK;
    bool ended = false;

    *any = false;
    while (code == EXIT_OK && !ended) {
        switch (json_stream_next(input, &piece)) {
        case JSON_STREAM_VALUE:
            *any = true;
            code = take_value(&piece);
            break;
        case JSON_STREAM_REFUSED:
            *any = true;
            if (piece.reason != NULL)
                (void)refuse(&piece, piece.reason);
            break;
        case JSON_STREAM_EMPTY:
            code = read_on(input);
            break;
        case JSON_STREAM_END:
            ended = true;
            break;
        }
    }
    if (code != EXIT_OK)
        report_unset(input, &piece, code);
    json_stream_free(input);
    return code;
}

/* Visits a level: prints it, and goes on unless that fails or a stop is requested. */
static bool print_next(void *context, const struct ledger_level *level)
{
    enum exit_code *code = context;

    *code = print_level(level);
    return *code == EXIT_OK && !stop_requested();
}

static enum exit_code print_all(void)
{
    enum exit_code printed = EXIT_OK;
    enum exit_code code = open_ledger(LEDGER_READ);

    output_only_shows();
    if (code == EXIT_OK)
        code = ledger->operations->each_level(ledger, print_next, &printed);
    return code == EXIT_OK ? printed : code;
}

static enum exit_code set_or_print(void)
{
    bool any = false;
    enum exit_code code = EXIT_OK;

    if (isatty(STDIN_FILENO) != 1)
        code = change_levels(&any);
    if (code == EXIT_OK && some_set)
        code = look_for_workers();
    if (code == EXIT_OK && !any && !some_refused)
        code = print_all();
    return code;
}

static char **read_options(int argc, char **argv)
{
    char **operands = options_read(argc, argv, usage, options);

    if (add + hands_over + reports + removes + settles > 1)
        usage_error("--add, --hand-over, --report, --remove and --settle exclude each other");
    if (has_since && !reports)
        usage_error("--since needs --report");
    if (settles_all && !settles)
        usage_error("--all needs --settle");
    if (settles_all)
        options_refuse_operands(operands, "--all settles all skus");
    if (removes && *operands == NULL)
        usage_error("--remove needs the skus whose levels are to go");
    if (!removes && !hands_over && !settles)
        options_refuse_operands(operands, "levels are read from standard input");
    return operands;
}

/* Does what is asked for by an option. */
static enum exit_code run_mode(char **operands)
{
    enum exit_code code = open_ledger(reports ? LEDGER_READ : LEDGER_STOCK);

    if (code != EXIT_OK)
        return code;
    if (hands_over)
        return hand_over(ledger, operands, &some_refused);
    if (reports)
        return books_print(ledger, since_ms);
    if (removes)
        return books_remove(ledger, operands, &some_refused);
    return settles_all ? settle_all(ledger, &some_refused)
                       : settle(ledger, operands, &some_refused);
}

int main(int argc, char **argv)
{
    char **operands;
    enum exit_code code;

    report_program(argv[0]);
    operands = read_options(argc, argv);
    stop_on_signals();
    code = hands_over || reports || removes || settles ? run_mode(operands) : set_or_print();
    if (code == EXIT_OK && some_refused)
        code = EXIT_INPUT;
    if (ledger != NULL)
        ledger->operations->close(ledger);
    return program_end(code, false);
}
