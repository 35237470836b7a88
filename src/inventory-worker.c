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
 * A batch is all that has arrived, up to the prefetch: one transaction, a burst of publishes. While the broker confirms
 * those, the next batch is taken and recorded. Orders are acknowledged in the order in which they came, as far as they
 * are confirmed. That an event was confirmed is recorded with the next batch, or when the queue falls silent; a kill or
 * a loss of power before that lets a later copy of the order send the same event again.
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
#define COMPANY 4        /* this part of the prefetch is worth a commit while the broker is busy confirming */
#define SETTLE_MS 100    /* of silence, before what was confirmed is recorded for its own sake */
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
    bool done; /* there is nothing to announce, or the broker has confirmed it */
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

/* Of the deliveries in hand, in a ring: up to the prefetch, of which the first is the oldest. */
static struct task *tasks;
static size_t first_task;
static size_t in_hand;
static size_t last_taken; /* at once */

/* Entries of the ledger whose events were confirmed and told, which it does not know yet. */
static int64_t *confirmed;
static size_t confirmed_count;

static struct task *task_at(size_t index)
{
    return &tasks[(first_task + index) % prefetch];
}

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

static bool is_on_its_way(int64_t seq, const struct task *but)
{
    for (size_t i = 0; i < in_hand; i++) {
        const struct task *task = task_at(i);

        if (task != but && task->kind == TASK_ANNOUNCE && task->seq == seq)
            return true;
    }
    return false;
}

/* An order met before: nothing to do, unless its event is still owed and no earlier task sends it. */
static void recall(struct task *task, const struct ledger_entry *entry)
{
    if (entry->owed_event == NULL || is_on_its_way(entry->seq, task)) {
        task->kind = TASK_IGNORE;
        task->done = true;
        return;
    }
    task->kind = TASK_ANNOUNCE;
    task->known = true;
    task->seq = entry->seq;
    task->outcome = entry->outcome;
    task->event = need_strdup(entry->owed_event);
}

static enum exit_code handle_delivery(struct task *task)
{
    const amqp_bytes_t body = task->delivery->body;
    struct ledger_entry entry;
    struct order order;
    bool found;
    enum exit_code code;

    if (event_read(&order, EVENT_PLACED, body.bytes, body.len, &task->fault) != EVENT_SOUND) {
        task->kind = TASK_REJECT;
        task->done = true;
        return EXIT_OK;
    }
    (void)snprintf(task->order_id, sizeof task->order_id, "%s", order.order_id);
    code = ledger_find(ledger, task->order_id, &entry, &found);
    if (code == EXIT_OK && found)
        recall(task, &entry);
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

/* I1, for the last count of those in hand; and what is known of earlier ones, which alone is not worth a sync. */
static enum exit_code record(size_t count)
{
    enum exit_code code = count > 0 ? ledger_begin(ledger) : ledger_begin_lightly(ledger);

    if (code != EXIT_OK)
        return code;
    code = settle_confirmed();
    if (code == EXIT_OK && retain_days >= 0)
        code = ledger_forget(ledger, clock_utc_ms() - retain_days * DAY_MS, FORGET_STEP);
    for (size_t i = in_hand - count; i < in_hand && code == EXIT_OK; i++)
        code = handle_delivery(task_at(i));
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
        tasks[cookie].done = true;
    }
    return EXIT_OK;
}

static enum exit_code publish(const struct task *task)
{
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
    return code == EXIT_OK ? publisher_send(publisher, &message, (uint64_t)(task - tasks)) : code;
}

/* I2, for the last count of those in hand: on its way. */
static enum exit_code publish_last(size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = in_hand - count; i < in_hand && code == EXIT_OK; i++)
        if (task_at(i)->kind == TASK_ANNOUNCE)
            code = publish(task_at(i));
    return code;
}

/* What was decided, as soon as it is on disk. */
static void log_decisions(size_t count)
{
    for (size_t i = in_hand - count; i < in_hand; i++) {
        const struct task *task = task_at(i);

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

/* What was published, once the broker has confirmed it: the first count of those in hand. */
static enum exit_code tell(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct task *task = task_at(i);

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

/* I3, for the first count. What is rejected goes first: the acknowledgement is for all up to the last. */
static void acknowledge(size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        struct task *task = task_at(i);

        if (task->kind == TASK_REJECT)
            consumer_reject(consumer, task->delivery);
        else
            batch[good++] = task->delivery;
        if (task->kind == TASK_ANNOUNCE)
            confirmed[confirmed_count++] = task->seq;
        free(task->event);
        task->event = NULL;
    }
    consumer_ack_batch(consumer, batch, good);
    first_task = (first_task + count) % prefetch;
    in_hand -= count;
}

/* ---- the loop ---- */

/* Lets go of those that are done, in the order in which they came. */
static enum exit_code finish(void)
{
    enum exit_code code = take_fates();
    size_t count = 0;

    while (count < in_hand && task_at(count)->done)
        count++;
    if (code == EXIT_OK && count > 0)
        code = tell(count);
    if (code == EXIT_OK && count > 0)
        acknowledge(count);
    return code;
}

/*
 * Takes what has arrived. While the broker still confirms the events of earlier orders, some company is waited for, unless
 * orders come one by one: what is decided meanwhile costs a sync of the disk.
 */
static enum exit_code take(size_t *count, int timeout_ms)
{
    size_t max = prefetch - in_hand;
    enum exit_code code;

    *count = 0;
    if (deliveries_left >= 0 && deliveries_left < (long)max)
        max = (size_t)deliveries_left;
    if (max == 0 || stop_requested() ||
        (in_hand > 0 && last_taken > 1 && consumer_arrived(consumer) < prefetch / COMPANY))
        return EXIT_OK;
    code = consumer_take(consumer, batch, max, count, timeout_ms);
    if (code != EXIT_OK)
        return code;
    last_taken = *count;
    for (size_t i = 0; i < *count; i++)
        *task_at(in_hand++) = (struct task){.delivery = batch[i]};
    if (deliveries_left > 0)
        deliveries_left -= (long)*count;
    return EXIT_OK;
}

/* The broker has them still. */
static void drop_last(size_t count)
{
    for (; count > 0; count--)
        free(task_at(--in_hand)->event);
}

static enum exit_code handle(size_t count)
{
    enum exit_code code = record(count);

    if (code != EXIT_OK) {
        drop_last(count);
        return code;
    }
    log_decisions(count);
    code = publish_last(count);
    if (code == EXIT_OK)
        publisher_service(publisher);
    ledger_tidy(ledger);
    return code;
}

/* With nothing in hand: waits for the next order, and puts the ledger in order if that takes a while. */
static enum exit_code await_next(size_t *count)
{
    bool settles = confirmed_count > 0;
    int timeout_ms = settles && (idle_ms < 0 || idle_ms > SETTLE_MS) ? SETTLE_MS : idle_ms;
    enum exit_code code;

    publisher_service(publisher);
    code = take(count, timeout_ms);
    if (code != EXIT_OK || *count > 0 || !settles || stop_requested())
        return code;
    code = record(0);
    return code == EXIT_OK && timeout_ms != idle_ms ? take(count, idle_ms) : code;
}

static enum exit_code work_on(void)
{
    enum exit_code code = EXIT_OK;
    bool silent = false;

    while (code == EXIT_OK && (in_hand > 0 || (!silent && !stop_requested() && deliveries_left != 0))) {
        bool is_idle = in_hand == 0;
        size_t count = 0;

        code = is_idle ? await_next(&count) : take(&count, 0);
        if (code == EXIT_OK && count > 0)
            code = handle(count);
        else if (code == EXIT_OK && !is_idle)
            code = publisher_wait(publisher);
        silent = is_idle && count == 0 && idle_ms >= 0;
        if (code == EXIT_OK)
            code = finish();
    }
    return code;
}

/* The ledger takes no more. What it has taken is on its way, and would go out again if it were left now. */
static void finish_recorded(void)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && in_hand > 0) {
        code = publisher_wait(publisher);
        if (code == EXIT_OK)
            code = finish();
    }
}

static enum exit_code work(void)
{
    enum exit_code code = publisher_open(publisher);

    if (code == EXIT_OK)
        code = work_on();
    if (code == EXIT_STORE)
        finish_recorded();
    /* An event that could not be written to our output stays owed, for the next run to write. */
    if (confirmed_count > 0 && code != EXIT_STORE) {
        enum exit_code last = record(0);

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
    publisher = publisher_new(&link_options, &(struct publisher_settings){.scope = TOPOLOGY_OF_INVENTORY});
    return EXIT_OK;
}

static void close_all(void)
{
    for (size_t i = 0; i < in_hand; i++)
        free(task_at(i)->event);
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
