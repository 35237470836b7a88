/*
 * order-place: orders on standard input; stored, published, confirmed; a receipt for each on standard output.
 *
 * What is on disk and on the broker when this program is killed, per order:
 *
 *   P0  checked                    no receipt, nothing stored: place it again
 *   P1  row PENDING committed      the next run, or --flush, publishes it
 *   P2  published and confirmed    it may be published again: same order_id, ignored downstream
 *   P3  row PLACED committed       the receipt may be missing: order-show, or place the same order_id again
 *   P4  receipt written            done
 *
 * Orders go through these states in batches of what has arrived: the commit that stores a batch is the one
 * that marks the confirmed orders of earlier batches, and is under way while the broker works on those.
 */
#include "clock.h"
#include "ids.h"
#include "json.h"
#include "json_stream.h"
#include "link.h"
#include "options.h"
#include "order.h"
#include "order_store.h"
#include "output.h"
#include "publisher.h"
#include "report.h"
#include "stop.h"
#include "text.h"
#include "topology.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_MAX 500
#define BATCH_BYTES ((size_t)4 << 20)
#define WAIT_MS 60000

static const char usage[] =
    "usage: order-place [options] < orders\n"
    "       order-place [options] --flush\n"
    "Stores the orders on standard input, a stream of JSON objects {user_id, restaurant_id, items},\n"
    "publishes them, and prints a receipt for each when the broker has confirmed it.\n"
    "      --flush             publish what earlier runs left pending, and read no input\n"
    "      --rejects FILE      append refused input to FILE, as it came\n" LINK_USAGE COMMON_USAGE;

enum { OPTION_FLUSH = OPTION_OWN, OPTION_REJECTS };

static const struct option long_options[] = {{"flush", no_argument, NULL, OPTION_FLUSH},
                                             {"rejects", required_argument, NULL, OPTION_REJECTS},
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

/* An order that was read and is not stored yet. */
struct candidate {
    unsigned char id[UUID_BYTES];
    bool own_id; /* it came with the order, so it may be known already */
    int64_t placed_at;
    char *raw; /* as it came, if own_id: it may be refused later */
    size_t raw_len;
    char *data; /* without white space */
    size_t data_len;
    char *event;
    uint64_t number; /* in the input, and */
    uint64_t line;   /* on which it starts */
    bool publish;
    uint64_t receipt; /* if so */
};

enum receipt_state {
    RECEIPT_AWAITED,   /* on its way */
    RECEIPT_REPEATED,  /* of an order that has an earlier receipt: takes on the state of that one */
    RECEIPT_CONFIRMED, /* to be marked in the store */
    RECEIPT_PLACED,
    RECEIPT_PENDING /* given up for this time */
};

struct receipt {
    int64_t seq;
    unsigned char id[UUID_BYTES];
    enum receipt_state state;
    bool silent; /* of an order of an earlier run: nobody waits for it on our output */
};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static bool flush_only;
static const char *rejects_path;

static struct order_store *store;
static int64_t adopted_last; /* the last order that earlier runs left pending; 0 if there is none */
static struct publisher *publisher;
static struct json_stream *input;
static bool input_ended;
static FILE *rejects;

static struct candidate batch[BATCH_MAX];
static size_t batch_count;
static size_t batch_bytes;

/* Receipts not yet printed, in the order of input, from the one numbered receipts_first on. */
static struct receipt *receipts;
static size_t receipts_size;
static uint64_t receipts_first;
static uint64_t receipts_end;
static bool receipts_repeated; /* one of them may be RECEIPT_REPEATED */

static bool offline; /* connecting was given up; tried once more from time to time */
static int64_t offline_since_ms;

static bool some_refused;
static bool some_pending;
static bool some_unroutable;
static enum exit_code fatal; /* ends the reading of input */

static void fail(enum exit_code code)
{
    if (fatal == EXIT_OK)
        fatal = code;
}

/* ---- receipts ---- */

static struct receipt *receipt_at(uint64_t number)
{
    return &receipts[number % receipts_size];
}

static struct receipt *receipt_of_seq(int64_t seq)
{
    for (uint64_t i = receipts_first; i < receipts_end; i++)
        if (receipt_at(i)->seq == seq)
            return receipt_at(i);
    return NULL;
}

static void grow_receipts(void)
{
    size_t size = receipts_size == 0 ? 4096 : receipts_size * 2;
    struct receipt *grown = need_calloc(size, sizeof *grown);

    for (uint64_t i = receipts_first; i < receipts_end; i++)
        grown[i % size] = *receipt_at(i);
    free(receipts);
    receipts = grown;
    receipts_size = size;
}

static uint64_t add_receipt(int64_t seq, const unsigned char *id, enum receipt_state state)
{
    struct receipt *receipt;

    if (receipts_end - receipts_first == receipts_size)
        grow_receipts();
    receipt = receipt_at(receipts_end);
    receipt->seq = seq;
    memcpy(receipt->id, id, UUID_BYTES);
    receipt->state = state;
    receipt->silent = false;
    return receipts_end++;
}

static void print_receipt(const struct receipt *receipt)
{
    char id[UUID_TEXT_SIZE];
    char line[128];
    int len;

    uuid_to_text(receipt->id, id);
    len = snprintf(line, sizeof line, "{\"order_id\": \"%s\", \"status\": \"%s\"}", id,
                   order_status_name(receipt->state == RECEIPT_PLACED ? ORDER_PLACED : ORDER_PENDING));
    if (output_line(line, (size_t)len) != EXIT_OK)
        fail(EXIT_OUTPUT);
}

static void answer_repeats(const struct receipt *earlier)
{
    for (uint64_t i = receipts_first + 1; i < receipts_end; i++)
        if (receipt_at(i)->state == RECEIPT_REPEATED && receipt_at(i)->seq == earlier->seq)
            receipt_at(i)->state = earlier->state;
}

/* Prints, in order, up to the first whose fate is open. */
static void print_receipts(void)
{
    while (receipts_first < receipts_end) {
        const struct receipt *receipt = receipt_at(receipts_first);

        if (receipt->state != RECEIPT_PLACED && receipt->state != RECEIPT_PENDING)
            break;
        if (receipt->state == RECEIPT_PENDING)
            some_pending = true;
        if (!receipt->silent)
            print_receipt(receipt);
        if (receipts_repeated)
            answer_repeats(receipt);
        receipts_first++;
    }
    if (output_flush() != EXIT_OK)
        fail(EXIT_OUTPUT);
}

/* ---- publishing ---- */

static void take_fates(void)
{
    uint64_t number;
    enum publish_fate fate;

    while (publisher_next(publisher, &number, &fate)) {
        struct receipt *receipt = receipt_at(number);
        char id[UUID_TEXT_SIZE];

        receipt->state = fate == PUBLISH_CONFIRMED ? RECEIPT_CONFIRMED : RECEIPT_PENDING;
        if (fate == PUBLISH_CONFIRMED)
            continue;
        uuid_to_text(receipt->id, id);
        report("order %s is stored, but the broker did not take it: %s", id, publisher_reason(publisher));
        some_unroutable = true;
    }
}

/* The broker stays away: whatever is on its way is left to a later run. */
static void go_offline(enum exit_code code)
{
    take_fates();
    publisher_forget(publisher);
    for (uint64_t i = receipts_first; i < receipts_end; i++)
        if (receipt_at(i)->state == RECEIPT_AWAITED)
            receipt_at(i)->state = RECEIPT_PENDING;
    offline = true;
    offline_since_ms = clock_steady_ms();
    if (code != EXIT_UNREACHABLE)
        fail(code);
}

static void publish(const unsigned char *id, const char *event, uint64_t number)
{
    amqp_basic_properties_t properties;
    struct message message = {
        .exchange = ORDERS_EXCHANGE, .routing_key = PLACED_KEY, .properties = &properties};
    char order_id[UUID_TEXT_SIZE];
    char message_id[UUID_TEXT_SIZE];
    enum exit_code code = EXIT_OK;

    if (offline) {
        receipt_at(number)->state = RECEIPT_PENDING;
        return;
    }
    uuid_to_text(id, order_id);
    message_id_of(EVENT_PLACED, order_id, message_id);
    publisher_event_properties(&properties, EVENT_PLACED, order_id, message_id);
    message.body = amqp_cstring_bytes(event);
    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        take_fates();
    }
    if (code == EXIT_OK)
        code = publisher_send(publisher, &message, number);
    if (code != EXIT_OK)
        go_offline(code);
}

static char *event_of(const struct order *order, const unsigned char *id, int64_t placed_at)
{
    char order_id[UUID_TEXT_SIZE];

    uuid_to_text(id, order_id);
    return event_print(order, EVENT_PLACED, order_id, placed_at, NULL);
}

/* Publishes an order out of the store. */
static void publish_stored(const struct stored_order *stored, uint64_t number)
{
    struct order order;
    struct order_fault fault;
    char *event;

    if (!order_read(&order, stored->data, stored->data_len, &fault))
        die(EXIT_STORE, "the store holds an order that is none: %s", fault.reason);
    event = event_of(&order, stored->id, stored->placed_at);
    publish(stored->id, event, number);
    cJSON_free(event);
    order_free(&order);
}

/* ---- the store ---- */

/* Marks what the broker has confirmed; to be called within a transaction. */
static enum exit_code mark_confirmed(void)
{
    for (uint64_t i = receipts_first; i < receipts_end; i++) {
        if (receipt_at(i)->state == RECEIPT_CONFIRMED) {
            enum exit_code code = order_store_confirm(store, receipt_at(i)->seq);

            if (code != EXIT_OK)
                return code;
        }
    }
    return EXIT_OK;
}

static bool some_confirmed(void)
{
    for (uint64_t i = receipts_first; i < receipts_end; i++)
        if (receipt_at(i)->state == RECEIPT_CONFIRMED)
            return true;
    return false;
}

static void confirmed_are_placed(void)
{
    for (uint64_t i = receipts_first; i < receipts_end; i++)
        if (receipt_at(i)->state == RECEIPT_CONFIRMED)
            receipt_at(i)->state = RECEIPT_PLACED;
}

static void refuse(uint64_t number, uint64_t line, const char *reason)
{
    report("input %" PRIu64 " (line %" PRIu64 "): %s", number, line, reason);
    some_refused = true;
}

static void write_reject(const char *text, size_t len, bool last)
{
    if (rejects == NULL)
        return;
    if (fwrite(text, 1, len, rejects) != len ||
        (last && (fputc('\n', rejects) == EOF || fflush(rejects) != 0))) {
        report_errno("cannot write '%s'", rejects_path);
        fail(EXIT_OUTPUT);
    }
}

/* The event of an order that was stored before tells the time of then. */
static void restore_event(struct candidate *candidate, const struct stored_order *known)
{
    struct order order;
    struct order_fault fault;

    if (!order_read(&order, known->data, known->data_len, &fault))
        die(EXIT_STORE, "the store holds an order that is none: %s", fault.reason);
    cJSON_free(candidate->event);
    candidate->event = event_of(&order, known->id, known->placed_at);
    order_free(&order);
}

/*
 * An order whose id the store knows. The same order again: its receipt again, and if it is pending it is
 * published, unless it is on its way already. Another order: refused.
 */
static void place_known(struct candidate *candidate, const struct stored_order *known)
{
    const struct receipt *earlier;
    char id[UUID_TEXT_SIZE];
    char reason[128];

    uuid_to_text(candidate->id, id);
    if (!order_same(known->data, known->data_len, candidate->data, candidate->data_len)) {
        (void)snprintf(reason, sizeof reason, "order_id %s is taken by an order of other content", id);
        refuse(candidate->number, candidate->line, reason);
        write_reject(candidate->raw, candidate->raw_len, true);
        return;
    }
    if (known->status == ORDER_PLACED) {
        (void)add_receipt(known->seq, known->id, RECEIPT_PLACED);
        return;
    }
    earlier = receipt_of_seq(known->seq);
    candidate->receipt =
        add_receipt(known->seq, known->id, earlier == NULL ? RECEIPT_AWAITED : RECEIPT_REPEATED);
    candidate->publish = earlier == NULL;
    receipts_repeated = receipts_repeated || earlier != NULL;
    if (candidate->publish)
        restore_event(candidate, known);
}

static enum exit_code store_candidate(struct candidate *candidate)
{
    struct stored_order order;
    bool known = false;
    enum exit_code code = EXIT_OK;

    if (candidate->own_id)
        code = order_store_find(store, candidate->id, &order, &known);
    if (code != EXIT_OK)
        return code;
    if (known) {
        place_known(candidate, &order);
        return EXIT_OK;
    }
    memcpy(order.id, candidate->id, UUID_BYTES);
    order.placed_at = candidate->placed_at;
    order.data = candidate->data;
    order.data_len = candidate->data_len;
    code = order_store_add(store, &order);
    if (code != EXIT_OK)
        return code;
    candidate->receipt = add_receipt(order.seq, order.id, RECEIPT_AWAITED);
    candidate->publish = true;
    return EXIT_OK;
}

/* P1 of the batch, and P3 of what was confirmed before, in one commit. */
static enum exit_code store_batch(void)
{
    uint64_t before = receipts_end;
    enum exit_code code;

    if (batch_count == 0 && !some_confirmed())
        return EXIT_OK;
    code = order_store_begin(store);
    if (code != EXIT_OK)
        return code;
    code = mark_confirmed();
    for (size_t i = 0; i < batch_count && code == EXIT_OK; i++)
        code = store_candidate(&batch[i]);
    if (code == EXIT_OK)
        code = order_store_commit(store);
    else
        order_store_roll_back(store);
    if (code == EXIT_OK)
        confirmed_are_placed();
    else
        receipts_end = before;
    return code;
}

static void publish_batch(void)
{
    for (size_t i = 0; i < batch_count; i++) {
        if (batch[i].publish)
            publish(batch[i].id, batch[i].event, batch[i].receipt);
        free(batch[i].raw);
        free(batch[i].data);
        cJSON_free(batch[i].event);
    }
    batch_count = 0;
    batch_bytes = 0;
}

/* One round: what the broker has said, what was read, and what can be told of it. */
static void turn(void)
{
    enum exit_code code;

    publisher_service(publisher);
    if (!offline && publisher_pending(publisher) > 0) {
        code = publisher_open(publisher);
        if (code != EXIT_OK)
            go_offline(code);
    }
    take_fates();
    code = store_batch();
    if (code != EXIT_OK) {
        fail(code);
        return;
    }
    print_receipts();
    publish_batch();
}

/* ---- what earlier runs left ---- */

/* Publishes the pending orders of this run up to that seq, except those that are on their way. */
static void publish_pending(int64_t last)
{
    struct stored_order order;
    int64_t after = 0;
    bool found;
    enum exit_code code = order_store_next_own(store, after, last, &order, &found);

    while (code == EXIT_OK && found && fatal == EXIT_OK && !stop_requested()) {
        after = order.seq;
        /* Unless it was placed again just now: then it is on its way. */
        if (receipt_of_seq(order.seq) == NULL) {
            uint64_t number = add_receipt(order.seq, order.id, RECEIPT_AWAITED);

            receipt_at(number)->silent = !flush_only;
            publish_stored(&order, number);
        }
        if (receipts_end - receipts_first >= BATCH_MAX)
            turn();
        code = order_store_next_own(store, after, last, &order, &found);
    }
    if (code != EXIT_OK)
        fail(code);
}

static void try_again_online(void)
{
    if (!offline || clock_steady_ms() - offline_since_ms < (int64_t)link_options.retry_delay * 1000)
        return;
    offline_since_ms = clock_steady_ms();
    if (publisher_try(publisher) != EXIT_OK)
        return;
    offline = false;
    publish_pending(INT64_MAX);
}

/* ---- input ---- */

static char *copy_of(const struct json_piece *piece)
{
    char *copy = need_calloc(piece->len + 1, 1);

    memcpy(copy, piece->text, piece->len);
    return copy;
}

static void take_value(const struct json_piece *piece)
{
    struct candidate *candidate = &batch[batch_count];
    struct order order;
    struct order_fault fault;

    if (!order_read(&order, piece->text, piece->len, &fault)) {
        refuse(piece->number, piece->line, fault.reason);
        write_reject(piece->text, piece->len, true);
        return;
    }
    memset(candidate, 0, sizeof *candidate);
    candidate->own_id = order.order_id != NULL;
    if (!candidate->own_id)
        order_id_mint(candidate->id);
    else if (!uuid_from_text(order.order_id, candidate->id))
        die(EXIT_BUG, "an order_id that was checked and is no UUID");
    candidate->number = piece->number;
    candidate->line = piece->line;
    if (candidate->own_id) {
        candidate->raw = copy_of(piece);
        candidate->raw_len = piece->len;
    }
    candidate->data = copy_of(piece);
    candidate->data_len = json_compact(candidate->data, piece->len);
    candidate->placed_at = clock_utc_ms();
    candidate->event = event_of(&order, candidate->id, candidate->placed_at);
    order_free(&order);
    batch_count++;
    batch_bytes += candidate->data_len * 2;
}

static void take_refusal(const struct json_piece *piece)
{
    if (piece->reason != NULL)
        refuse(piece->number, piece->line, piece->reason);
    write_reject(piece->text, piece->len, piece->last);
}

static bool batch_is_full(void)
{
    return batch_count == BATCH_MAX || batch_bytes >= BATCH_BYTES;
}

static bool wants_input(void)
{
    return !input_ended && fatal == EXIT_OK && !stop_requested();
}

/* Reads what there is, up to a full batch, without waiting for more. False if there may be more at once. */
static bool gather(void)
{
    struct json_piece piece;

    while (wants_input() && !batch_is_full()) {
        switch (json_stream_next(input, &piece)) {
        case JSON_STREAM_VALUE:
            take_value(&piece);
            break;
        case JSON_STREAM_REFUSED:
            take_refusal(&piece);
            break;
        case JSON_STREAM_EMPTY:
            if (!link_readable(STDIN_FILENO))
                return true;
            if (!json_stream_fill(input)) {
                report_errno("cannot read standard input");
                fail(EXIT_INPUT);
            }
            break;
        case JSON_STREAM_END:
            input_ended = true;
            break;
        }
    }
    return false;
}

static void place_all(void)
{
    bool adopted_published = false;

    for (;;) {
        bool input_is_idle;

        try_again_online();
        input_is_idle = gather();
        turn();
        /*
         * What earlier runs left comes after the first batch: new orders are on disk before anything is
         * waited for.
         */
        if (!adopted_published && fatal == EXIT_OK) {
            publish_pending(adopted_last);
            adopted_published = true;
        }
        if (fatal == EXIT_STORE || (!wants_input() && batch_count == 0 && receipts_first == receipts_end))
            break;
        if (!wants_input() && publisher_pending(publisher) > 0) {
            enum exit_code code = publisher_settle(publisher);

            if (code != EXIT_OK)
                go_offline(code);
        } else if (input_is_idle && wants_input()) {
            link_wait(publisher_link(publisher), STDIN_FILENO, WAIT_MS);
        }
    }
}

/* ---- the program ---- */

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, LINK_SHORT_OPTIONS COMMON_SHORT_OPTIONS, long_options, NULL)) !=
           -1) {
        if (option == OPTION_FLUSH)
            flush_only = true;
        else if (option == OPTION_REJECTS)
            rejects_path = optarg;
        else if (!link_option(&link_options, option) && !common_option(option, usage))
            usage_error();
    }
    if (optind < argc) {
        report("orders are read from standard input: '%s' is no option", printable_text(argv[optind]));
        usage_error();
    }
}

static enum exit_code open_all(void)
{
    enum exit_code code = link_options_resolve(&link_options);

    if (code == EXIT_OK && rejects_path != NULL) {
        mode_t before = umask(S_IRWXG | S_IRWXO);

        rejects = fopen(rejects_path, "a");
        (void)umask(before);
        if (rejects == NULL) {
            report_errno("cannot open '%s'", rejects_path);
            return EXIT_OUTPUT;
        }
    }
    if (code == EXIT_OK)
        code = order_store_open(ORDER_STORE_PLACE, &store);
    if (code == EXIT_OK)
        code = order_store_adopt(store, &adopted_last);
    if (code != EXIT_OK)
        return code;
    publisher = publisher_new(&link_options, true);
    input = json_stream_new(STDIN_FILENO, ORDER_MAX_SIZE);
    input_ended = flush_only;
    return EXIT_OK;
}

static enum exit_code close_all(void)
{
    enum exit_code code = EXIT_OK;

    publisher_free(publisher);
    order_store_close(store);
    json_stream_free(input);
    free(receipts);
    link_options_free(&link_options);
    if (rejects != NULL && fclose(rejects) != 0) {
        report_errno("cannot write '%s'", rejects_path);
        code = EXIT_OUTPUT;
    }
    return code;
}

static enum exit_code verdict(void)
{
    if (fatal != EXIT_OK)
        return fatal;
    if (some_unroutable)
        return EXIT_REFUSED;
    if (some_pending)
        return EXIT_PENDING;
    return some_refused ? EXIT_INPUT : EXIT_OK;
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    code = open_all();
    if (code == EXIT_OK) {
        place_all();
        code = verdict();
    }
    if (close_all() != EXIT_OK && code == EXIT_OK)
        code = EXIT_OUTPUT;
    code = output_close(code);
    stop_by_signal();
    return (int)code;
}
