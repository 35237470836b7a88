/*
 * order-cancel: order ids on standard input; their cancellations stored, published, confirmed; a
 * receipt for each on standard output.
 *
 * cancelling.h says what holds when this program is killed, and at which point.
 */
#include "cancelling.h"

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/wait.h"
#include "engine/where.h"
#include "order/id_stream.h"
#include "order/order.h"
#include "trace/context.h"
#include "trace/span.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: order-cancel [options] [ID...]\n"
    "       order-cancel [options] < ids\n"
    "       order-cancel [options] --flush\n"
    "Cancels stored orders: those with the given ids, or those that standard input names, an id a\n"
    "line or JSON objects {order_id, reason}. Prints a receipt for each once the broker has\n"
    "confirmed the cancellation.\n";

static bool flush_only;
static const char *common_reason = "cancelled";

static void read_reason(const char *option, const char *text)
{
    if (!text_is_printable(text, strlen(text), ORDER_MAX_TEXT))
        die(EXIT_USAGE, "%s: a reason has 1 to 256 bytes without control characters", option);
    common_reason = text;
}

static struct option_entry options[] = {
    {"flush", NULL, "publish pending cancellations of earlier runs; read no input",
     .flag = &flush_only},
    {"reason", "TEXT", "why, for orders that come without a reason (default: cancelled)",
     .call = read_reason},
    {.group = where_orders_table},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static struct cancelling *cancelling;
static char **operands;
static size_t operand_count; /* that were taken */
static struct id_stream *input;
static bool input_ended;
static struct id_piece held; /* was read, and waits for room; its number is 0 if there is none */
static bool some_refused;
static enum exit_code fatal; /* ends the reading of input */

static void fail(enum exit_code code)
{
    fatal = code == EXIT_STORE ? code : first_failure(fatal, code);
}

/* ---- input ---- */

static void refuse(uint64_t number, uint64_t line, const char *reason)
{
    if (line > 0)
        report("input %" PRIu64 " (line %" PRIu64 "): %s", number, line, reason);
    else
        report("%s", reason);
    some_refused = true;
}

/* Returns whether the order is in the batch now. If not, it is refused, or held. */
static bool take_id(const struct id_piece *piece)
{
    unsigned char id[UUID_BYTES];

    held.number = 0;
    if (!uuid_from_text(piece->id, id)) {
        char reason[PRINTABLE_MAX + 64];

        (void)snprintf(reason, sizeof reason, "'%s' is not the id of a stored order: a UUID",
                       printable_text(piece->id));
        refuse(piece->number, piece->line, reason);
        return true;
    }
    if (!cancelling_has_room(cancelling, id)) {
        held = *piece;
        return false;
    }
    cancelling_take(cancelling, id, piece->reason != NULL ? piece->reason : common_reason,
                    piece->number, piece->line);
    return true;
}

static bool reads_on(void)
{
    return fatal == EXIT_OK && !stop_requested();
}

/* Returns whether to take more of the input. After most failures, what was read is still cancelled;
 * not if the store or the output failed. */
static bool wants_input(void)
{
    return !input_ended && fatal != EXIT_STORE && fatal != EXIT_OUTPUT;
}

static void end_input(void)
{
    id_stream_end(input,
                  stop_requested() ? "asked to stop before it ended" : "not read to its end");
}

static void read_on(void)
{
    if (id_stream_fill(input))
        return;
    report_errno("cannot read standard input");
    some_refused = true;
    end_input();
}

static enum id_stream_event next_operand(struct id_piece *piece)
{
    const char *operand = operands[operand_count];

    if (operand == NULL || !reads_on())
        return ID_STREAM_END;
    *piece = (struct id_piece){.id = operand, .number = ++operand_count};
    return ID_STREAM_ID;
}

static enum id_stream_event next_piece(struct id_piece *piece)
{
    if (held.number != 0) {
        *piece = held;
        return ID_STREAM_ID;
    }
    return *operands != NULL ? next_operand(piece) : id_stream_next(input, piece);
}

/* Takes input until the batch is full, without waiting. Returns whether it stopped because no input
 * is there now. */
static bool gather(void)
{
    struct id_piece piece;

    while (wants_input()) {
        switch (next_piece(&piece)) {
        case ID_STREAM_ID:
            if (!take_id(&piece))
                return false;
            break;
        case ID_STREAM_REFUSED:
            refuse(piece.number, piece.line, piece.refusal);
            break;
        case ID_STREAM_EMPTY:
            if (!reads_on())
                end_input();
            else if (!wait_is_ready(STDIN_FILENO, POLLIN))
                return true;
            else
                read_on();
            break;
        case ID_STREAM_END:
            input_ended = true;
            break;
        }
    }
    return false;
}

/* ---- receipts ---- */

/* Reports what cannot be cancelled. */
static void refuse_cancelled(const struct cancel_receipt *receipt, const char *id)
{
    char reason[128];

    if (receipt->state == CANCELLATION_UNKNOWN)
        (void)snprintf(reason, sizeof reason, "no order '%s' in the store", id);
    else if (receipt->state == CANCELLATION_HANDED_OVER)
        (void)snprintf(reason, sizeof reason, "order %s was handed over", id);
    else
        return;
    refuse(receipt->number, receipt->line, reason);
}

/* A failure to write is kept for output_flush(). */
static void print_receipt(void *context, const struct cancel_receipt *receipt)
{
    static const char *const names[] = {
        [CANCELLATION_UNKNOWN] = "UNKNOWN",     [CANCELLATION_PENDING] = "PENDING",
        [CANCELLATION_SENT] = "CANCELLING",     [CANCELLATION_FAILED] = "FAILED",
        [CANCELLATION_CANCELLED] = "CANCELLED", [CANCELLATION_HANDED_OVER] = "HANDED_OVER"};
    char id[UUID_TEXT_SIZE];
    char line[128];
    int len;

    (void)context;
    uuid_to_text(receipt->id, id);
    refuse_cancelled(receipt, id);
    len = snprintf(line, sizeof line, "{\"order_id\": \"%s\", \"status\": \"%s\"%s}", id,
                   names[receipt->state], receipt->is_repeated ? ", \"repeated\": true" : "");
    (void)output_line(line, (size_t)len);
}

/* ---- the program ---- */

static void cancel_all(void)
{
    bool left_is_sent = false;

    for (;;) {
        bool input_is_idle;

        if (reads_on())
            fail(cancelling_retry(cancelling));
        input_is_idle = gather();
        fail(cancelling_turn(cancelling));
        fail(output_flush());
        /* After the first batch, so that new ones are on disk before anything waits. */
        if (!left_is_sent && fatal == EXIT_OK) {
            fail(cancelling_send_pending(cancelling, flush_only));
            fail(output_flush());
            left_is_sent = true;
        }
        if (fatal == EXIT_STORE || !wants_input())
            return;
        if (input_is_idle && reads_on())
            connection_wait(cancelling_connection(cancelling), STDIN_FILENO, -1);
    }
}

/* Reports the first input that was neither cancelled nor refused, after a failure that ended the
 * program early. */
static void report_rest(void)
{
    struct id_piece piece = held;
    bool some = cancelling_oldest(cancelling, &piece.number, &piece.line) || piece.number > 0;

    if (wants_input() || input_ended)
        return;
    end_input();
    if (!some && next_piece(&piece) == ID_STREAM_END)
        return;
    if (piece.line > 0)
        report("%s from input %" PRIu64 " (line %" PRIu64 ") on was cancelled",
               cancelling_is_in_doubt(cancelling) ? "it is not known what" : "nothing",
               piece.number, piece.line);
}

static enum exit_code open_all(void)
{
    static char trace[TRACE_SIZE];
    struct cancelling_settings settings = {.options = &broker_options,
                                           .trace = trace_read_environment(trace) ? trace : NULL,
                                           .tell = print_receipt};
    enum exit_code code = broker_options_resolve(&broker_options);

    if (code == EXIT_OK)
        code = cancelling_open(&settings, &cancelling);
    input = id_stream_new(STDIN_FILENO, ID_STREAM_ORDERS);
    input_ended = flush_only;
    return code;
}

static void close_all(void)
{
    cancelling_close(cancelling);
    id_stream_free(input);
    broker_options_free(&broker_options);
}

static enum exit_code verdict(void)
{
    enum exit_code code = first_failure(fatal, cancelling_verdict(cancelling));

    return first_failure(code, some_refused ? EXIT_INPUT : EXIT_OK);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    operands = options_read(argc, argv, usage, options);
    if (flush_only && *operands != NULL)
        usage_error("--flush takes no ids");
    stop_on_signals();
    code = open_all();
    if (code == EXIT_OK) {
        cancel_all();
        report_rest();
        code = verdict();
    }
    close_all();
    return program_end(code, false);
}
