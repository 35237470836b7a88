/*
 * order-place: orders on standard input; stored, published, confirmed; a receipt for each on
 * standard output.
 *
 * placement.h says what holds when this program is killed, and at which point.
 */
#include "metrics.h"
#include "rejects.h"

#include "amqp/connection.h"
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/wait.h"
#include "engine/where.h"
#include "json/stream.h"
#include "metrics/file.h"
#include "order/order.h"
#include "place/placement.h"
#include "terminal/progress.h"
#include "trace/context.h"
#include "trace/span.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: order-place [options] < orders\n"
    "       order-place [options] --flush\n"
    "Stores the orders on standard input, a stream of JSON objects {user_id, restaurant_id,\n"
    "items}, publishes them, and prints a receipt for each once the broker has confirmed it.\n";

static bool flush_only;
static bool takes_arrays;
static const char *rejects_path;
static const char *rejects_json_path;

static struct option_entry options[] = {
    {"flush", NULL, "publish pending orders of earlier runs; read no input", .flag = &flush_only},
    {"array", NULL, "take the orders of JSON arrays, too", .flag = &takes_arrays},
    {"rejects", "FILE", "append refused input to FILE, unchanged", .text = &rejects_path},
    {"rejects-json", "FILE", "append a line of JSON to FILE for each refusal",
     .text = &rejects_json_path},
    {.group = metrics_option_table},
    {.group = progress_option_table},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = where_orders_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static struct placement *placement;
static char trace_text[TRACE_SIZE];
static const char *trace; /* of all orders of this run, or NULL */
static struct json_stream *input;
static bool input_ended;
static uint64_t input_size; /* in bytes, if it is a file; otherwise 0 */

static uint64_t taken; /* orders that will get a receipt */
/* The first order taken since the store last stored some; its number is 0 if there is none. */
static struct json_piece unplaced;
static bool some_refused;
static enum exit_code fatal; /* ends the reading of input */

static void fail(enum exit_code code)
{
    fatal = code == EXIT_STORE ? code : first_failure(fatal, code);
}

/* ---- input ---- */

/* Handles a piece of refused input; is_value says that it is a whole JSON value. Only the first
 * piece of a refusal has a reason. */
static void refuse(const struct json_piece *piece, bool is_value)
{
    if (piece->reason != NULL)
        report("input %" PRIu64 " (line %" PRIu64 "): %s", piece->number, piece->line,
               piece->reason);
    some_refused = true;
    fail(rejects_add(piece, is_value));
}

/* As the placement calls it. */
static void refuse_taken(void *context, const struct json_piece *piece)
{
    (void)context;
    metrics_refusal(REFUSAL_TAKEN);
    refuse(piece, true);
    taken--;
}

static void take_value(struct json_piece *piece)
{
    struct order order;
    struct order_fault fault;

    if (!order_read_piece(&order, piece, &fault)) {
        piece->reason = fault.reason;
        metrics_refusal(REFUSAL_INVALID);
        refuse(piece, true);
        return;
    }
    placement_take(placement, &order, NULL, trace, piece);
    order_free(&order);
    taken++;
    if (unplaced.number == 0)
        unplaced = *piece;
}

static bool reads_on(void)
{
    return fatal == EXIT_OK && !stop_requested();
}

/* Returns whether to place more of the input. After most failures, what was read is still placed;
 * not if the store or the output failed. */
static bool wants_input(void)
{
    return !input_ended && fatal != EXIT_STORE && fatal != EXIT_OUTPUT;
}

static void end_input(void)
{
    json_stream_end(input,
                    stop_requested() ? "asked to stop before it ended" : "not read to its end");
}

static void read_on(void)
{
    if (json_stream_fill(input))
        return;
    report_errno("cannot read standard input");
    some_refused = true;
    end_input();
}

/* Takes input until the batch is full, without waiting. Returns whether it stopped because no input
 * is there now. */
static bool gather(void)
{
    struct json_piece piece;

    while (wants_input() && placement_has_room(placement)) {
        switch (json_stream_next(input, &piece)) {
        case JSON_STREAM_VALUE:
            take_value(&piece);
            break;
        case JSON_STREAM_REFUSED:
            if (piece.reason != NULL)
                metrics_refusal(REFUSAL_MALFORMED);
            refuse(&piece, false);
            break;
        case JSON_STREAM_EMPTY:
            if (!reads_on())
                end_input();
            else if (!wait_is_ready(STDIN_FILENO, POLLIN))
                return true;
            else
                read_on();
            break;
        case JSON_STREAM_END:
            input_ended = true;
            break;
        }
    }
    return false;
}

/* ---- progress ---- */

/* Returns the bytes left in the file on standard input; 0 if it is not a file. */
static uint64_t size_of_input(void)
{
    struct stat info;
    off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);

    if (fstat(STDIN_FILENO, &info) != 0 || !S_ISREG(info.st_mode) || at < 0 || at >= info.st_size)
        return 0;
    return (uint64_t)(info.st_size - at);
}

/* Estimates the number of orders in the input from their average length so far; 0 if the size of
 * the input is not known. */
static uint64_t expected(void)
{
    uint64_t read = json_stream_position(input);

    if (input_size == 0 || read == 0)
        return 0;
    return read >= input_size ? taken
                              : (uint64_t)((double)taken * (double)input_size / (double)read);
}

static void start_progress(void)
{
    progress_spare(STDOUT_FILENO);
    if (!flush_only) {
        progress_spare(STDIN_FILENO);
        input_size = size_of_input();
    }
    progress_start("orders", 0);
}

/* ---- receipts ---- */

/* A failure to write is kept for output_flush(). */
static void print_receipt(void *context, const struct receipt *receipt)
{
    char line[RECEIPT_LINE_SIZE];

    (void)context;
    metrics_receipt(receipt);
    (void)output_line(line,
                      receipt_print(line, receipt->id, receipt_status(receipt), receipt->repeated));
}

static enum exit_code end_round(void *context, uint64_t told)
{
    enum exit_code code = output_flush();

    (void)context;
    progress_set(told, expected());
    return code;
}

/* ---- the program ---- */

static void place_all(void)
{
    bool left_published = false;

    for (;;) {
        bool input_is_idle;

        metrics_file_step();
        if (reads_on())
            fail(placement_retry(placement));
        input_is_idle = gather();
        fail(placement_turn(placement));
        if (fatal != EXIT_STORE)
            unplaced.number = 0;
        /* After the first batch, so that new orders are on disk before anything waits. */
        if (!left_published && fatal == EXIT_OK) {
            fail(placement_publish_left(placement));
            left_published = true;
        }
        if (fatal == EXIT_STORE || (!wants_input() && placement_is_idle(placement)))
            break;
        if (!wants_input())
            fail(placement_drain(placement));
        else if (input_is_idle && reads_on())
            connection_wait(placement_connection(placement), STDIN_FILENO,
                            placement_due_ms(placement));
    }
}

/* Reports the first input that was neither placed nor refused, after a failure that ended the
 * program early. */
static void report_unplaced(void)
{
    struct json_piece *piece = &unplaced;

    if (!wants_input() && !input_ended && piece->number == 0) {
        end_input();
        if (json_stream_next(input, piece) == JSON_STREAM_END)
            return;
    }
    if (piece->number > 0)
        report("%s from input %" PRIu64 " (line %" PRIu64 ") on was placed",
               placement_is_in_doubt(placement) ? "it is not known what" : "nothing", piece->number,
               piece->line);
}

static enum exit_code open_all(void)
{
    struct placement_settings settings = {.options = &broker_options,
                                          .tell_left = flush_only,
                                          .refuse = refuse_taken,
                                          .tell = print_receipt,
                                          .told = end_round};
    enum exit_code code = broker_options_resolve(&broker_options);

    if (code == EXIT_OK)
        code = rejects_open(rejects_path, rejects_json_path);
    if (trace_read_environment(trace_text))
        trace = trace_text;
    if (code == EXIT_OK)
        code = metrics_open();
    if (code == EXIT_OK)
        code = placement_open(&settings, &placement);
    metrics_of(placement);
    input = json_stream_new(STDIN_FILENO, ORDER_MAX_SIZE);
    json_stream_set_arrays(input, takes_arrays, "--array takes the orders in it");
    input_ended = flush_only;
    return code;
}

static enum exit_code close_all(void)
{
    metrics_file_close();
    placement_close(placement);
    json_stream_free(input);
    broker_options_free(&broker_options);
    return rejects_close();
}

static enum exit_code verdict(void)
{
    enum exit_code code = first_failure(fatal, placement_verdict(placement));

    return first_failure(code, some_refused ? EXIT_INPUT : EXIT_OK);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    options_refuse_operands(options_read(argc, argv, usage, options),
                            "orders are read from standard input");
    stop_on_signals();
    code = open_all();
    if (code == EXIT_OK) {
        start_progress();
        place_all();
        progress_done();
        report_unplaced();
        code = verdict();
    }
    return program_end(first_failure(code, close_all()), false);
}
