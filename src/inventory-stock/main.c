/*
 * inventory-stock: how many of each sku are on hand, and how many are reserved. It needs no broker.
 *
 * Levels are set in the ledger's own transactions, so a worker may be running: an order is decided
 * before a change or after it.
 */
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "json/stream.h"
#include "order/order.h"
#include "store/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SIZE 4096

static const char usage[] =
    "usage: inventory-stock [--add] < levels\n"
    "       inventory-stock < /dev/null\n"
    "Sets stock levels from a stream of JSON objects {sku, on_hand}, and prints each new level,\n"
    "{sku, on_hand, reserved}. If the input is empty or a terminal, prints all levels.\n";

static bool add;

static struct option_entry options[] = {
    {"add", NULL, "add on_hand, which may be negative, to the present level", .flag = &add},
    {.group = common_option_table},
    {0},
};

struct change {
    cJSON *tree; /* owns sku */
    const char *sku;
    int64_t amount;
};

static struct ledger *ledger;
static bool some_refused;

static bool refuse(const struct json_piece *piece, const char *reason)
{
    report("input %" PRIu64 " (line %" PRIu64 "): %s", piece->number, piece->line, reason);
    some_refused = true;
    return false;
}

static bool read_change(const struct json_piece *piece, struct change *change)
{
    const cJSON *sku;
    const cJSON *on_hand;

    change->tree = json_parse_scanned(piece->text, piece->len, piece->traits);
    if (!json_member_once(change->tree, "sku", &sku) ||
        !json_member_once(change->tree, "on_hand", &on_hand))
        return refuse(piece, "sku or on_hand is there twice");
    change->sku = cJSON_GetStringValue(sku);
    if (change->sku == NULL || !text_is_printable(change->sku, strlen(change->sku), ORDER_MAX_TEXT))
        return refuse(piece, "sku is not a string of 1 to 256 bytes without control characters");
    if (!json_integer(on_hand, add ? -STOCK_MAX : 0, STOCK_MAX, &change->amount))
        return refuse(piece, add ? "on_hand is not an integer of up to 10^12"
                                 : "on_hand is not an integer from 0 to 10^12");
    return true;
}

static enum exit_code print_level(const struct stock_level *level)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_need(cJSON_AddStringToObject(line, "sku", level->sku));
    json_need(cJSON_AddNumberToObject(line, "on_hand", (double)level->on_hand));
    json_need(cJSON_AddNumberToObject(line, "reserved", (double)level->reserved));
    return output_json(line);
}

/* Within a transaction: the level as it was, and as it shall be. */
static enum exit_code apply(const struct json_piece *piece, const struct change *change,
                            struct stock_level *level)
{
    bool found;
    enum exit_code code = ledger_stock(ledger, change->sku, level, &found);

    if (code != EXIT_OK)
        return code;
    if (!found)
        *level = (struct stock_level){0};
    level->sku = change->sku;
    level->on_hand = add ? level->on_hand + change->amount : change->amount;
    if (level->on_hand < 0 || level->on_hand > STOCK_MAX) {
        (void)refuse(piece, "that would leave less than nothing on hand, or more than 10^12");
        return EXIT_INPUT;
    }
    return ledger_set_stock(ledger, change->sku, level->on_hand);
}

static enum exit_code take_value(const struct json_piece *piece)
{
    struct change change;
    struct stock_level level;
    enum exit_code code = EXIT_INPUT;

    if (read_change(piece, &change)) {
        code = ledger_begin(ledger);
        if (code == EXIT_OK) {
            code = apply(piece, &change, &level);
            if (code == EXIT_OK)
                code = ledger_commit(ledger);
            else
                ledger_roll_back(ledger);
        }
        if (code == EXIT_OK)
            code = print_level(&level);
    }
    cJSON_Delete(change.tree);
    return code == EXIT_INPUT ? EXIT_OK : code;
}

/* Reads on, once there is something; ends the input if a stop is asked for. Who waits for an answer
 * has it before. */
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

/* Where to go on after a failure, which came with this piece if it is the ledger's, and after it
 * otherwise. */
static void report_unset(struct json_stream *input, struct json_piece *piece, enum exit_code code)
{
    json_stream_end(input, "not read to its end");
    if (code == EXIT_STORE || json_stream_next(input, piece) != JSON_STREAM_END)
        report("nothing from input %" PRIu64 " (line %" PRIu64 ") on was set", piece->number,
               piece->line);
}

/* Reads all input, or what there was when a stop was asked for. *any says whether there was some.
 */
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

static enum exit_code print_all(void)
{
    struct stock_level level = {.sku = ""};
    bool found = true;
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && found && !stop_requested()) {
        code = ledger_next_stock(ledger, level.sku, &level, &found);
        if (code == EXIT_OK && found)
            code = print_level(&level);
    }
    return code;
}

int main(int argc, char **argv)
{
    bool any = false;
    enum exit_code code;

    report_program(argv[0]);
    options_refuse_operands(options_read(argc, argv, usage, options),
                            "levels are read from standard input");
    stop_on_signals();
    code = ledger_open(&ledger);
    if (code == EXIT_OK && isatty(STDIN_FILENO) != 1)
        code = change_levels(&any);
    if (code == EXIT_OK && !any && !some_refused)
        code = print_all();
    if (code == EXIT_OK && some_refused)
        code = EXIT_INPUT;
    ledger_close(ledger);
    return program_end(code, false);
}
