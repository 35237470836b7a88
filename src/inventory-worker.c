/*
 * inventory-worker: takes OrderPlaced events, reserves or fails each order once, and publishes the outcome.
 *
 * What is on disk and on the broker when this program is killed, per delivery:
 *
 *   I0  delivered, nothing recorded         redelivered, handled afresh
 *   I1  one transaction: order_id, outcome, redelivered; found; the recorded event is published;
 *       event to publish                    no second reservation
 *   I2  event confirmed by the broker       redelivered; the same event goes out again, same message_id
 *   I3  acknowledged                        done; a later copy is "duplicate ignored"
 *
 * A batch is all that has arrived, up to the prefetch: one transaction, a burst of publishes, one wait for
 * all confirms, one acknowledgement. That an event was confirmed is recorded with the next batch, or when the
 * queue falls silent.
 */
#include "clock.h"
#include "consumer.h"
#include "ids.h"
#include "ledger.h"
#include "link.h"
#include "options.h"
#include "order.h"
#include "output.h"
#include "publisher.h"
#include "report.h"
#include "reservation.h"
#include "stop.h"
#include "text.h"
#include "topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define FORGET_STEP 1000 /* orders forgotten with a batch: more than are added by one of the default size */

static const char usage[] =
    "usage: inventory-worker [options]\n"
    "Takes orders from order.placed.q, reserves or fails each once, and publishes the outcome,\n"
    "which is printed as a line of JSON too.\n"
    "      --max-qty N         an item of more than N fails its order (5)\n"
    "      --prefetch N        deliveries in hand at once: the largest batch (256)\n"
    "      --retain DAYS       forget orders that were handled more than DAYS ago (never)\n"
    "      --count N           stop after N deliveries\n"
    "      --idle-timeout S    stop when S seconds pass without a delivery\n" LINK_USAGE COMMON_USAGE;

enum { OPTION_MAX_QTY = OPTION_OWN, OPTION_PREFETCH, OPTION_COUNT, OPTION_IDLE_TIMEOUT, OPTION_RETAIN };

static const struct option long_options[] = {{"max-qty", required_argument, NULL, OPTION_MAX_QTY},
                                             {"prefetch", required_argument, NULL, OPTION_PREFETCH},
                                             {"retain", required_argument, NULL, OPTION_RETAIN},
                                             {"count", required_argument, NULL, OPTION_COUNT},
                                             {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

/* What is to be done about one delivery. */
struct task {
    struct delivery *delivery;
    enum { TASK_REJECT, TASK_IGNORE, TASK_ANNOUNCE } kind;
    char order_id[ORDER_MAX_ID + 1];
    struct order_fault fault; /* TASK_REJECT */
    int64_t seq;              /* TASK_ANNOUNCE: the entry of the ledger, */
    bool known;               /* recorded before this batch, */
    enum ledger_outcome outcome;
    char *event;
};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static int max_qty = 5;
static unsigned prefetch = 256;
static long retain_days = -1;     /* for ever */
static long deliveries_left = -1; /* without end */
static int idle_ms = -1;

static struct ledger *ledger;
static struct consumer *consumer;
static struct publisher *publisher;
static struct delivery **batch;
static struct task *tasks;

/* Entries of the ledger whose events were confirmed, which it does not know yet. */
static int64_t *confirmed;
static size_t confirmed_count;

/* ---- deciding ---- */

static enum exit_code decide(struct task *task, const struct order *order)
{
    struct reservation reservation;
    int64_t now = clock_utc_ms();
    enum exit_code code = reservation_make(ledger, order, max_qty, &reservation);

    if (code != EXIT_OK)
        return code;
    task->kind = TASK_ANNOUNCE;
    task->outcome = reservation.reserved ? LEDGER_RESERVED : LEDGER_FAILED;
    task->event = event_print(order, reservation.reserved ? EVENT_RESERVED : EVENT_FAILED, task->order_id,
                              now, reservation.reserved ? NULL : reservation.reason);
    return ledger_record(ledger, task->order_id, task->outcome, now, task->event, &task->seq);
}

static bool is_in_batch(int64_t seq, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tasks[i].kind == TASK_ANNOUNCE && tasks[i].seq == seq)
            return true;
    return false;
}

/*
 * An order met before: nothing to do, unless its event is still owed and no earlier task of the batch sends
 * it.
 */
static void recall(struct task *task, const struct ledger_entry *entry, size_t index)
{
    if (entry->owed_event == NULL || is_in_batch(entry->seq, index)) {
        task->kind = TASK_IGNORE;
        return;
    }
    task->kind = TASK_ANNOUNCE;
    task->known = true;
    task->seq = entry->seq;
    task->outcome = entry->outcome;
    task->event = need_strdup(entry->owed_event);
}

static enum exit_code handle_delivery(size_t index)
{
    struct task *task = &tasks[index];
    const amqp_bytes_t body = task->delivery->body;
    struct ledger_entry entry;
    struct order order;
    bool found;
    enum exit_code code;

    if (event_read(&order, EVENT_PLACED, body.bytes, body.len, &task->fault) != EVENT_SOUND) {
        task->kind = TASK_REJECT;
        return EXIT_OK;
    }
    (void)snprintf(task->order_id, sizeof task->order_id, "%s", order.order_id);
    code = ledger_find(ledger, task->order_id, &entry, &found);
    if (code == EXIT_OK && found)
        recall(task, &entry, index);
    else if (code == EXIT_OK)
        code = decide(task, &order);
    order_free(&order);
    return code;
}

static enum exit_code settle_confirmed(void)
{
    for (size_t i = 0; i < confirmed_count; i++) {
        enum exit_code code = ledger_settle(ledger, confirmed[i]);

        if (code != EXIT_OK)
            return code;
    }
    return EXIT_OK;
}

/* I1, for the whole batch; and what is known of the one before. */
static enum exit_code record_batch(size_t count)
{
    enum exit_code code = ledger_begin(ledger);

    if (code != EXIT_OK)
        return code;
    code = settle_confirmed();
    if (code == EXIT_OK && retain_days >= 0)
        code = ledger_forget(ledger, clock_utc_ms() - retain_days * DAY_MS, FORGET_STEP);
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = handle_delivery(i);
    if (code == EXIT_OK)
        code = ledger_commit(ledger);
    else
        ledger_roll_back(ledger);
    if (code == EXIT_OK)
        confirmed_count = 0;
    return code;
}

/* ---- telling ---- */

static enum exit_code take_fates(void)
{
    uint64_t cookie;
    enum publish_fate fate;

    while (publisher_next(publisher, &cookie, &fate)) {
        if (fate != PUBLISH_CONFIRMED) {
            report("the broker did not take the event of order '%s': %s", tasks[cookie].order_id,
                   publisher_reason(publisher));
            return EXIT_REFUSED;
        }
        confirmed[confirmed_count++] = tasks[cookie].seq;
    }
    return EXIT_OK;
}

static enum exit_code publish(size_t index)
{
    const struct task *task = &tasks[index];
    bool reserved = task->outcome == LEDGER_RESERVED;
    const char *event_type = reserved ? EVENT_RESERVED : EVENT_FAILED;
    char message_id[UUID_TEXT_SIZE];
    amqp_basic_properties_t properties;
    struct message message = {.exchange = INVENTORY_EXCHANGE,
                              .routing_key = reserved ? RESERVED_KEY : FAILED_KEY,
                              .properties = &properties,
                              .body = amqp_cstring_bytes(task->event)};
    enum exit_code code = EXIT_OK;

    message_id_of(event_type, task->order_id, message_id);
    publisher_event_properties(&properties, event_type, task->order_id, message_id);
    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        if (code == EXIT_OK)
            code = take_fates();
    }
    return code == EXIT_OK ? publisher_send(publisher, &message, index) : code;
}

/* I2, for the whole batch. */
static enum exit_code publish_batch(size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        if (tasks[i].kind == TASK_ANNOUNCE)
            code = publish(i);
    if (code == EXIT_OK)
        code = publisher_settle(publisher);
    return code == EXIT_OK ? take_fates() : code;
}

/* What was decided, as soon as it is on disk. */
static void log_decisions(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct task *task = &tasks[i];

        /* An order_id was checked to be safe to be shown, and a fault is. */
        if (task->kind == TASK_REJECT)
            log_line("[inventory] rejected a message: %s", task->fault.reason);
        else if (task->kind == TASK_IGNORE)
            log_line("[inventory] duplicate ignored: %s", task->order_id);
        else if (!task->known)
            log_line("[inventory] reservation %s for %s", task->outcome == LEDGER_RESERVED ? "OK" : "FAILED",
                     task->order_id);
    }
}

/* What was published, once the broker has confirmed it. */
static enum exit_code tell_batch(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct task *task = &tasks[i];

        if (task->kind != TASK_ANNOUNCE)
            continue;
        log_line("[inventory] published %s for %s",
                 task->outcome == LEDGER_RESERVED ? EVENT_RESERVED : EVENT_FAILED, task->order_id);
        if (output_line(task->event, strlen(task->event)) != EXIT_OK)
            return EXIT_OUTPUT;
    }
    report_flush();
    return output_flush();
}

/* I3, for the whole batch. What is rejected goes first: the acknowledgement is for all up to the last. */
static void acknowledge_batch(size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        if (tasks[i].kind == TASK_REJECT)
            consumer_reject(consumer, tasks[i].delivery);
        else
            batch[good++] = tasks[i].delivery;
    }
    consumer_ack_batch(consumer, batch, good);
}

/* ---- the loop ---- */

static enum exit_code handle_batch(size_t count)
{
    enum exit_code code;

    for (size_t i = 0; i < count; i++) {
        memset(&tasks[i], 0, sizeof tasks[i]);
        tasks[i].delivery = batch[i];
    }
    code = record_batch(count);
    if (code == EXIT_OK) {
        log_decisions(count);
        code = publish_batch(count);
    }
    if (code == EXIT_OK)
        code = tell_batch(count);
    if (code == EXIT_OK)
        acknowledge_batch(count);
    for (size_t i = 0; i < count; i++)
        free(tasks[i].event);
    return code;
}

/* Takes what has arrived; if that is nothing, puts the ledger in order before it waits. */
static enum exit_code next_batch(size_t *count)
{
    size_t max =
        deliveries_left >= 0 && deliveries_left < (long)prefetch ? (size_t)deliveries_left : prefetch;
    enum exit_code code = consumer_take(consumer, batch, max, count, 0);

    if (code != EXIT_OK || *count > 0)
        return code;
    if (confirmed_count > 0) {
        code = record_batch(0);
        if (code != EXIT_OK)
            return code;
    }
    publisher_service(publisher);
    return consumer_take(consumer, batch, max, count, idle_ms);
}

static enum exit_code work(void)
{
    enum exit_code code = publisher_open(publisher);

    while (code == EXIT_OK && !stop_requested() && deliveries_left != 0) {
        size_t count;

        code = next_batch(&count);
        if (code != EXIT_OK || (count == 0 && idle_ms >= 0))
            break;
        if (count > 0)
            code = handle_batch(count);
        if (deliveries_left > 0)
            deliveries_left -= (long)count;
    }
    /* An event that could not be written to our output stays owed, for the next run to write. */
    if (confirmed_count > 0 && code != EXIT_STORE && code != EXIT_OUTPUT) {
        enum exit_code last = record_batch(0);

        code = code == EXIT_OK ? last : code;
    }
    return code;
}

/* ---- the program ---- */

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, LINK_SHORT_OPTIONS COMMON_SHORT_OPTIONS, long_options, NULL)) !=
           -1) {
        if (option == OPTION_MAX_QTY)
            max_qty = (int)option_number("--max-qty", optarg, 0, ORDER_MAX_QTY);
        else if (option == OPTION_PREFETCH)
            prefetch = (unsigned)option_number("--prefetch", optarg, 1, 65535);
        else if (option == OPTION_RETAIN)
            retain_days = option_number("--retain", optarg, 0, 36500);
        else if (option == OPTION_COUNT)
            deliveries_left = option_number("--count", optarg, 1, 1000000000);
        else if (option == OPTION_IDLE_TIMEOUT)
            idle_ms = consumer_idle_ms(option_number("--idle-timeout", optarg, 0, 86400));
        else if (!link_option(&link_options, option) && !common_option(option, usage))
            usage_error();
    }
    if (optind < argc) {
        report("orders come from the queue: '%s' is no option", printable_text(argv[optind]));
        usage_error();
    }
}

static enum exit_code open_all(void)
{
    /* One byte more than an event may have, to see that it is too large. */
    struct consumer_settings settings = {
        .queue = PLACED_QUEUE, .declare = true, .max_body = EVENT_MAX_SIZE + 1};
    enum exit_code code = link_options_resolve(&link_options);

    if (code == EXIT_OK)
        code = ledger_open(&ledger);
    if (code != EXIT_OK)
        return code;
    batch = need_calloc(prefetch, sizeof(*batch));
    tasks = need_calloc(prefetch, sizeof *tasks);
    confirmed = need_calloc(prefetch, sizeof *confirmed);
    settings.prefetch = prefetch;
    consumer = consumer_new(&link_options, &settings);
    publisher = publisher_new(&link_options, true);
    return EXIT_OK;
}

static void close_all(void)
{
    consumer_free(consumer);
    publisher_free(publisher);
    ledger_close(ledger);
    free(batch);
    free(tasks);
    free(confirmed);
    link_options_free(&link_options);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    code = open_all();
    if (code == EXIT_OK)
        code = work();
    /* Asked to stop while the broker was away: nothing is in hand, so that is a clean end. */
    if (code == EXIT_UNREACHABLE && stop_requested())
        code = EXIT_OK;
    close_all();
    return (int)output_close(code);
}
