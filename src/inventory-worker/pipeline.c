#include "pipeline.h"

#include "outbox.h"
#include "reservation.h"

#include "amqp/consumer.h"
#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "order/event.h"
#include "order/order.h"
#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define COMPANY \
    4 /* this part of the prefetch is worth a commit while the broker is busy confirming */
#define SETTLE_MS 100 /* of silence, before what was confirmed is recorded for its own sake */

/* Orders looked at with a batch, to be forgotten: more than two of the default size add. */
#define FORGET_STEP 1000

/*
 * New orders in a row whose events the broker refuses, until a worker leaves: if it is the worker
 * that may not publish, the others shall have the orders.
 */
#define REFUSALS_MAX 20

/* What is to be done about one delivery, or about an event without one. */
struct task {
    struct delivery *delivery; /* NULL for an event that is to be sent without one */
    enum { TASK_REJECT, TASK_IGNORE, TASK_ANNOUNCE, TASK_NOTHING } kind;
    struct order_fault fault; /* TASK_REJECT */
    /* Of TASK_IGNORE only order_id, without a delivery seq, of TASK_ANNOUNCE all. */
    struct announcement announcement;
    bool done;    /* there is nothing to announce, or its fate is known */
    bool refused; /* by the broker: the event stays owed */
};

static const struct pipeline_settings *settings;
static long deliveries_left; /* negative: without end */

static struct ledger *ledger;
static struct outbox outbox;
static struct consumer *consumer;
static struct publisher *publisher;
static struct delivery **batch;

/* What is in hand, in a ring, of which the first is the oldest: up to the prefetch, and events
 * without a delivery. */
static struct task *tasks;
static size_t capacity;
static size_t first_task;
static size_t in_hand;
static size_t last_taken; /* at once */
static int silence_ms;    /* without a delivery */

/* Entries of the ledger whose events were confirmed and told, which it does not know yet. */
static int64_t *confirmed;
static size_t confirmed_count;

static struct task *task_at(size_t index)
{
    return &tasks[(first_task + index) % capacity];
}

static bool takes_orders(void)
{
    return !settings->flush_only && !stop_requested() && deliveries_left != 0 &&
           (settings->idle_ms < 0 || silence_ms < settings->idle_ms);
}

/* ---- deciding ---- */

static enum exit_code decide(struct task *task, const struct order *order)
{
    struct announcement *announcement = &task->announcement;
    struct reservation reservation;
    int64_t now = clock_utc_ms();
    enum exit_code code = reservation_make(ledger, order, settings->max_qty, &reservation);

    if (code != EXIT_OK)
        return code;
    task->kind = TASK_ANNOUNCE;
    announcement->outcome = reservation.reserved ? LEDGER_RESERVED : LEDGER_FAILED;
    announcement->event =
        event_print(order, reservation.reserved ? EVENT_RESERVED : EVENT_FAILED,
                    announcement->order_id, now, reservation.reserved ? NULL : reservation.reason);
    return ledger_record(ledger, announcement->order_id, announcement->outcome, now,
                         announcement->event, &announcement->seq);
}

/* An event that is owed by a run that has ended is from now on ours to send. */
static enum exit_code claim(struct task *task, const struct ledger_entry *entry)
{
    task->kind = TASK_ANNOUNCE;
    announcement_set(&task->announcement, entry);
    return entry->is_orphaned ? ledger_claim(ledger, entry->seq) : EXIT_OK;
}

/* An order met before. Its event, if it is owed, is sent by the run that owes it, as long as that
 * lives. */
static enum exit_code recall(struct task *task, const struct ledger_entry *entry)
{
    if (entry->unsent_event != NULL && entry->is_orphaned)
        return claim(task, entry);
    task->kind = TASK_IGNORE;
    task->done = true;
    return EXIT_OK;
}

/* An event that was seen to be owed, unless another worker has been quicker. */
static enum exit_code handle_owed(struct task *task)
{
    struct ledger_entry entry;
    bool found;
    enum exit_code code = ledger_find_unsent(ledger, task->announcement.seq, &entry, &found);

    if (code == EXIT_OK && found && entry.is_orphaned != outbox.is_trying)
        return claim(task, &entry);
    task->kind = TASK_NOTHING;
    task->done = true;
    return code;
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
    (void)snprintf(task->announcement.order_id, sizeof task->announcement.order_id, "%s",
                   order.order_id);
    code = ledger_find(ledger, task->announcement.order_id, &entry, &found);
    if (code == EXIT_OK && found)
        code = recall(task, &entry);
    else if (code == EXIT_OK)
        code = decide(task, &order);
    order_free(&order);
    return code;
}

static enum exit_code settle_confirmed(void)
{
    for (size_t i = 0; i < confirmed_count; i++) {
        enum exit_code code = ledger_mark_sent(ledger, confirmed[i]);

        if (code != EXIT_OK)
            return code;
    }
    return EXIT_OK;
}

/* So that what is in hand can be settled, once it is confirmed, even if the disk becomes full
 * meanwhile. */
static enum exit_code reserve_room(void)
{
    size_t events = 0;
    size_t bytes = 0;

    for (size_t i = 0; i < in_hand; i++) {
        if (task_at(i)->kind == TASK_ANNOUNCE) {
            events++;
            bytes += strlen(task_at(i)->announcement.event);
        }
    }
    return events > 0 ? ledger_reserve_room(ledger, events, bytes) : EXIT_OK;
}

/* I1, for the last count of those in hand; and what is known of earlier ones, which alone is not
 * worth a sync. */
static enum exit_code record(size_t count)
{
    enum exit_code code = count > 0 ? ledger_begin(ledger) : ledger_begin_relaxed(ledger);

    if (code != EXIT_OK)
        return code;
    code = settle_confirmed();
    if (code == EXIT_OK && settings->retain_days >= 0)
        code = ledger_forget(ledger, clock_utc_ms() - settings->retain_days * DAY_MS, FORGET_STEP);
    for (size_t i = in_hand - count; i < in_hand && code == EXIT_OK; i++)
        code = task_at(i)->delivery == NULL ? handle_owed(task_at(i)) : handle_delivery(task_at(i));
    if (code == EXIT_OK && count > 0)
        code = reserve_room();
    if (code == EXIT_OK)
        code = ledger_commit(ledger);
    else
        ledger_roll_back(ledger);
    if (code == EXIT_OK)
        confirmed_count = 0;
    return code;
}

/* ---- telling ---- */

static void take_fates(void)
{
    uint64_t cookie;
    enum publish_result fate;

    while (publisher_next(publisher, &cookie, &fate)) {
        struct task *task = &tasks[cookie];

        task->done = true;
        task->refused = fate != PUBLISH_CONFIRMED;
        if (task->refused)
            outbox_refused(&outbox, &task->announcement, task->delivery != NULL,
                           publisher_reason(publisher));
        else
            outbox_confirmed(&outbox, &task->announcement);
    }
}

static enum exit_code publish(const struct task *task)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        if (code == EXIT_OK)
            take_fates();
    }
    return code == EXIT_OK
               ? announcement_publish(&task->announcement, publisher, (uint64_t)(task - tasks))
               : code;
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

/*
 * What was decided, as soon as it is on disk; and what was decided by a run that may have died
 * before it wrote its log. The log is written before an order is acknowledged, and before its event
 * is settled.
 */
static void log_decisions(size_t count)
{
    for (size_t i = in_hand - count; i < in_hand; i++) {
        const struct task *task = task_at(i);

        /* An order_id was checked to be safe to be shown, and a fault is. */
        if (task->kind == TASK_REJECT)
            log_line("[inventory] rejected a message: %s", task->fault.reason);
        else if (task->kind == TASK_IGNORE)
            log_line("[inventory] duplicate ignored: %s", task->announcement.order_id);
        else if (task->kind == TASK_ANNOUNCE && !task->announcement.is_logged)
            announcement_log(&task->announcement);
    }
}

/* What was published, once the broker has confirmed it: the first count of those in hand. */
static enum exit_code tell(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct task *task = task_at(i);

        if (task->kind == TASK_ANNOUNCE && !task->refused &&
            announcement_tell(&task->announcement) != EXIT_OK)
            return EXIT_OUTPUT;
    }
    report_flush();
    return output_flush();
}

/* I3, for the first count. What is rejected goes first: the acknowledgement is for all up to the
 * last. */
static void acknowledge(size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        struct task *task = task_at(i);

        if (task->kind == TASK_REJECT)
            consumer_reject(consumer, task->delivery);
        else if (task->delivery != NULL)
            batch[good++] = task->delivery;
        if (task->kind == TASK_ANNOUNCE && !task->refused)
            confirmed[confirmed_count++] = task->announcement.seq;
        free(task->announcement.event);
        task->announcement.event = NULL;
    }
    consumer_ack_batch(consumer, batch, good);
    first_task = (first_task + count) % capacity;
    in_hand -= count;
}

/* ---- the loop ---- */

/* Lets go of those that are done, in the order in which they came. */
static enum exit_code finish(void)
{
    enum exit_code code = EXIT_OK;
    size_t count = 0;

    take_fates();
    while (count < in_hand && task_at(count)->done)
        count++;
    if (count > 0)
        code = tell(count);
    if (code == EXIT_OK && count > 0)
        acknowledge(count);
    if (in_hand == 0)
        outbox_rests(&outbox);
    if (code == EXIT_OK && outbox.in_a_row >= REFUSALS_MAX) {
        report("the broker did not take the events of %d orders in a row: giving up", REFUSALS_MAX);
        code = EXIT_REFUSED;
    }
    return code;
}

/*
 * Takes what has arrived. While the broker still confirms the events of earlier orders, some
 * company is waited for, unless orders come one by one: what is decided meanwhile costs a sync of
 * the disk.
 */
static enum exit_code take(size_t *count, int timeout_ms)
{
    size_t max = capacity - in_hand < settings->prefetch ? capacity - in_hand : settings->prefetch;
    enum exit_code code;

    *count = 0;
    if (deliveries_left >= 0 && deliveries_left < (long)max)
        max = (size_t)deliveries_left;
    if (max == 0 || !takes_orders())
        return EXIT_OK;
    if (in_hand > 0 &&
        (outbox_holds_back(&outbox) ||
         (last_taken > 1 && consumer_arrived(consumer) < settings->prefetch / COMPANY)))
        return EXIT_OK;
    code = consumer_take(consumer, batch, max, count, timeout_ms);
    if (code != EXIT_OK || *count == 0)
        return code;
    silence_ms = 0;
    last_taken = *count;
    for (size_t i = 0; i < *count; i++)
        *task_at(in_hand++) = (struct task){.delivery = batch[i]};
    if (deliveries_left > 0)
        deliveries_left -= (long)*count;
    return EXIT_OK;
}

/* The broker, or the ledger, has them still. */
static void drop_last(size_t count)
{
    for (; count > 0; count--)
        free(task_at(--in_hand)->announcement.event);
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
    ledger_checkpoint(ledger);
    return code;
}

/* Takes in hand what is owed and is sent by nobody, if it is time to look or at_once is set. */
static enum exit_code relay(bool at_once)
{
    int64_t seqs[OUTBOX_BATCH];
    size_t count = 0;
    enum exit_code code = EXIT_OK;

    if (!stop_requested())
        code =
            outbox_list(&outbox, ledger, at_once, in_hand == 0, seqs, capacity - in_hand, &count);
    if (code != EXIT_OK || count == 0)
        return code;
    for (size_t i = 0; i < count; i++)
        *task_at(in_hand++) = (struct task){.announcement = {.seq = seqs[i]}};
    /* An order that comes meanwhile does not wait for company. */
    last_taken = 0;
    return handle(count);
}

/* With nothing in hand: waits for the next order, but not so long that nothing else is done. */
static enum exit_code await_next(size_t *count)
{
    bool settles = confirmed_count > 0;
    int timeout_ms = settles ? SETTLE_MS : OUTBOX_LOOK_MS;
    enum exit_code code;

    if (settings->idle_ms >= 0 && settings->idle_ms - silence_ms < timeout_ms)
        timeout_ms = settings->idle_ms - silence_ms;
    publisher_service(publisher);
    code = take(count, timeout_ms);
    if (code != EXIT_OK || *count > 0 || stop_requested())
        return code;
    if (settings->idle_ms >= 0)
        silence_ms += timeout_ms;
    return settles ? record(0) : EXIT_OK;
}

/* Until no more orders are to be taken, nothing is in hand, and nothing is owed that nobody sends.
 */
static enum exit_code work_on(void)
{
    for (;;) {
        bool goes_on = takes_orders();
        enum exit_code code = relay(!goes_on);
        bool is_idle = in_hand == 0;
        size_t count = 0;

        if (code != EXIT_OK || (is_idle && !goes_on))
            return code;
        code = is_idle ? await_next(&count) : take(&count, 0);
        if (code == EXIT_OK && count > 0)
            code = handle(count);
        else if (code == EXIT_OK && !is_idle)
            code = publisher_wait(publisher);
        if (code == EXIT_OK)
            code = finish();
        if (code != EXIT_OK)
            return code;
    }
}

/* The ledger takes no more. What it has taken is on its way, and would go out again if it were left
 * now. */
static void finish_recorded(void)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && in_hand > 0) {
        code = publisher_wait(publisher);
        if (code == EXIT_OK)
            code = finish();
    }
}

/* Runs a change in a transaction of its own, which is not worth a sync. */
static enum exit_code run_lightly(enum exit_code (*change)(void))
{
    enum exit_code code = ledger_begin_relaxed(ledger);

    if (code != EXIT_OK)
        return code;
    code = change();
    if (code == EXIT_OK)
        return ledger_commit(ledger);
    ledger_roll_back(ledger);
    return code;
}

static enum exit_code release(void)
{
    return ledger_release(ledger);
}

/*
 * Settles what was confirmed, by itself, since there is room for that; and leaves what is owed to
 * others: also an event that could not be written to our output, for the next run to write.
 */
static enum exit_code leave_owed(void)
{
    enum exit_code code = EXIT_OK;

    report_flush();
    if (confirmed_count > 0)
        code = run_lightly(settle_confirmed);
    return code == EXIT_OK && (in_hand > 0 || outbox.refused > 0) ? run_lightly(release) : code;
}

enum exit_code pipeline_run(void)
{
    enum exit_code code = settings->flush_only ? EXIT_OK : publisher_open(publisher);
    enum exit_code last = EXIT_OK;

    if (code == EXIT_OK)
        code = work_on();
    if (code == EXIT_STORE)
        finish_recorded();
    /* Also then: it may be possible by now, and otherwise events that were confirmed would go out
     * again. */
    if (confirmed_count > 0 || in_hand > 0 || outbox.refused > 0)
        last = leave_owed();
    /* Asked to stop while the broker was away, with nothing in hand: that is a clean end. */
    if (code == EXIT_UNREACHABLE && stop_requested() && in_hand == 0)
        code = EXIT_OK;
    if (code == EXIT_OK)
        code = last;
    if (!settings->flush_only)
        last = consumer_end(consumer);
    if (code == EXIT_OK)
        code = last;
    return code == EXIT_OK && outbox.refused > 0 ? EXIT_REFUSED : code;
}

/* ---- the whole ---- */

enum exit_code pipeline_open(const struct pipeline_settings *given)
{
    /* One byte more than an event may have, to see that it is too large. */
    struct consumer_settings consumer_settings = {
        .queue = PLACED_QUEUE, .declare = topology_declare, .max_body = EVENT_MAX_SIZE + 1};
    enum exit_code code = ledger_open(&ledger);

    if (code == EXIT_OK)
        code = ledger_start_run(ledger);
    if (code != EXIT_OK)
        return code;
    settings = given;
    deliveries_left = given->count;
    capacity = given->prefetch + OUTBOX_BATCH;
    batch = xcalloc(capacity, sizeof(*batch));
    tasks = xcalloc(capacity, sizeof *tasks);
    confirmed = xcalloc(capacity, sizeof *confirmed);
    consumer_settings.prefetch = given->prefetch;
    consumer = consumer_new(given->options, &consumer_settings);
    publisher = publisher_new(given->options,
                              &(struct publisher_settings){.declare = topology_declare_inventory,
                                                           .repair = topology_declare});
    return EXIT_OK;
}

void pipeline_close(void)
{
    for (size_t i = 0; i < in_hand; i++)
        free(task_at(i)->announcement.event);
    consumer_free(consumer);
    publisher_free(publisher);
    ledger_close(ledger);
    free(batch);
    free(tasks);
    free(confirmed);
}
