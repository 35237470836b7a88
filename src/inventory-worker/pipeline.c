#include "pipeline.h"

#include "hand.h"
#include "metrics.h"
#include "outbox.h"
#include "record.h"
#include "release.h"

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "message/batch_span.h"
#include "message/process_span.h"
#include "metrics/file.h"
#include "order/event.h"

#include <stdlib.h>
#include <string.h>

/* While events are on their way, a batch is worth a commit from prefetch / COMMIT_PART on. */
#define COMMIT_PART 4
#define RECORD_MS 100 /* when no delivery has come for so long, confirms are recorded alone */

/* The worker ends after the events of so many new orders in a row were refused: perhaps only this
 * worker may not publish, and others do better with the orders that follow. */
#define REFUSALS_MAX 20

static const struct pipeline_settings *settings;
static long deliveries_left; /* negative: no limit */

static struct hand hand; /* room for the prefetch, and for OUTBOX_BATCH events without a delivery */
static struct recorder recorder;
static struct outbox outbox;
static struct consumer *consumer;
static struct publisher *publisher;
static struct send_spans spans; /* of events that are on their way */
static struct delivery **batch;
static size_t last_taken; /* deliveries in the last batch; 0 after a relay */
static int silence_ms;    /* time since the last delivery */

static bool takes_orders(void)
{
    return !settings->flush_only && !stop_requested() && deliveries_left != 0 &&
           (settings->idle_ms < 0 || silence_ms < settings->idle_ms);
}

/* ---- telling ---- */

static void take_results(void)
{
    uint64_t cookie;
    enum publish_result result;

    if (publisher_has_result(publisher))
        metrics_note_time();
    while (publisher_next(publisher, &cookie, &result)) {
        struct task *task = &hand.tasks[cookie];

        send_spans_take(&spans, publisher, cookie, result);
        task->done = true;
        task->refused = result != PUBLISH_CONFIRMED;
        if (task->refused)
            outbox_refused(&outbox, &task->announcement, task->delivery != NULL,
                           publisher_reason(publisher));
        else
            outbox_confirmed(&outbox, &task->announcement);
        metrics_published(task);
    }
}

static enum exit_code publish(const struct task *task)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        if (code == EXIT_OK)
            take_results();
    }
    return code == EXIT_OK ? announcement_publish(&task->announcement, publisher, &spans,
                                                  (uint64_t)(task - hand.tasks))
                           : code;
}

/* Publishes the events of the last count tasks: the way to I2. */
static enum exit_code publish_last(size_t count)
{
    enum exit_code code = EXIT_OK;
    int64_t now_us = metrics_clock_us();

    for (size_t i = hand.count - count; i < hand.count && code == EXIT_OK; i++) {
        struct task *task = hand_at(&hand, i);

        task->published_us = now_us;
        if (task->kind == TASK_ANNOUNCE)
            code = publish(task);
    }
    return code;
}

/*
 * Logs the decisions of the last count tasks, which are on disk: those made now, and those of ended
 * runs unless they are known to be logged. To be called before an order is acknowledged or its
 * event marked as sent.
 */
static void log_decisions(size_t count)
{
    static const char *const decided[] = {[LEDGER_RESERVED] = "[inventory] reservation OK for ",
                                          [LEDGER_FAILED] = "[inventory] reservation FAILED for ",
                                          [LEDGER_RELEASED] = "[inventory] released ",
                                          [LEDGER_HANDED_OVER] = "[inventory] handed over "};

    metrics_note_time();
    for (size_t i = hand.count - count; i < hand.count; i++) {
        const struct task *task = hand_at(&hand, i);

        metrics_decided(task);
        /* Both order_id and reason are safe to be shown. */
        if (task->kind == TASK_REJECT)
            log_event(REPORT_WARNING, NULL, "[inventory] rejected a message: %s",
                      task->fault.reason);
        else if (task->kind == TASK_ANNOUNCE && !task->announcement.is_logged)
            log_about(decided[task->announcement.outcome], task->announcement.order_id);
        if (task->note != NULL)
            log_event(REPORT_INFO, task->announcement.order_id, "[inventory] %s: %s", task->note,
                      task->announcement.order_id);
    }
}

/* Tells of the first count tasks, whose events the broker has confirmed. */
static enum exit_code tell(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct task *task = hand_at(&hand, i);

        if (task->kind == TASK_ANNOUNCE && !task->refused &&
            announcement_tell(&task->announcement) != EXIT_OK)
            return EXIT_OUTPUT;
    }
    report_flush();
    return output_flush();
}

static const char *queue(void)
{
    return settings->takes_cancelled ? CANCELLED_QUEUE : PLACED_QUEUE;
}

/* Writes what was done about a delivery, if it belongs to a trace. */
static void end_span(struct task *task)
{
    struct announcement *announcement = &task->announcement;

    if (announcement->span == NULL)
        return;
    if (task->kind == TASK_REJECT)
        process_span_end(announcement->span, task->delivery, queue(), NULL, "malformed",
                         task->fault.reason);
    else
        process_span_end(announcement->span, task->delivery, queue(), announcement->order_id,
                         task->refused ? "refused" : NULL, NULL);
    announcement->span = NULL;
}

/* Acknowledges the first count tasks: I3. Rejects first: the basic.ack (multiple) that follows
 * covers all tags up to its own. */
static void acknowledge(size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        struct task *task = hand_at(&hand, i);

        end_span(task);
        if (task->kind == TASK_REJECT)
            consumer_reject(consumer, task->delivery);
        else if (task->delivery != NULL)
            batch[good++] = task->delivery;
        if (task->kind == TASK_ANNOUNCE && !task->refused)
            recorder.confirmed[recorder.confirmed_count++] = task->announcement.key;
    }
    consumer_ack_batch(consumer, batch, good);
    hand_drop_first(&hand, count);
}

/* ---- the loop ---- */

/* Finishes the tasks that are done, in the order in which they came. */
static enum exit_code finish(void)
{
    enum exit_code code = EXIT_OK;
    size_t count = 0;

    take_results();
    while (count < hand.count && hand_at(&hand, count)->done)
        count++;
    if (count > 0)
        code = tell(count);
    if (code == EXIT_OK && count > 0)
        acknowledge(count);
    if (hand.count == 0)
        outbox_rests(&outbox);
    if (code == EXIT_OK && outbox.in_a_row >= REFUSALS_MAX) {
        report("the broker did not take the events of %d orders in a row: giving up", REFUSALS_MAX);
        code = EXIT_REFUSED;
    }
    return code;
}

/* Takes the deliveries that have arrived. While events of earlier orders are on their way, waits
 * until the batch is worth the sync of a commit, unless orders come one by one. */
static enum exit_code take(size_t *count, int timeout_ms)
{
    size_t room = hand.capacity - hand.count;
    size_t max = room < settings->prefetch ? room : settings->prefetch;
    enum exit_code code;

    *count = 0;
    if (deliveries_left >= 0 && deliveries_left < (long)max)
        max = (size_t)deliveries_left;
    if (max == 0 || !takes_orders())
        return EXIT_OK;
    if (hand.count > 0 &&
        (outbox_holds_back(&outbox) ||
         (last_taken > 1 && consumer_arrived(consumer) < settings->prefetch / COMMIT_PART)))
        return EXIT_OK;
    code = consumer_take(consumer, batch, max, count, timeout_ms);
    if (code != EXIT_OK || *count == 0)
        return code;
    silence_ms = 0;
    last_taken = *count;
    for (size_t i = 0; i < *count; i++)
        (void)hand_add(&hand, batch[i]);
    if (deliveries_left > 0)
        deliveries_left -= (long)*count;
    return EXIT_OK;
}

/* Logs and publishes the last count tasks, which are recorded. */
static enum exit_code announce_last(size_t count)
{
    enum exit_code code;

    log_decisions(count);
    code = publish_last(count);
    if (code == EXIT_OK)
        publisher_service(publisher);
    recorder.ledger->operations->idle(recorder.ledger);
    return code;
}

/* Ends the span of the commit that recorded the last count tasks. */
static void end_batch_span(struct span *span, size_t count)
{
    if (span == NULL)
        return;
    for (size_t i = hand.count - count; i < hand.count; i++)
        batch_span_add(span, hand_at(&hand, i)->announcement.span);
    batch_span_end(span, queue(), count);
}

static enum exit_code handle(size_t count)
{
    int64_t began_us = metrics_clock_us();
    struct span *span = batch_span_start(count);
    enum exit_code code = settings->takes_cancelled ? record_cancellations(&recorder, count)
                                                    : record_deliveries(&recorder, count);

    end_batch_span(span, count);
    if (code == EXIT_OK) {
        metrics_recorded(count, began_us);
        return announce_last(count);
    }
    /* Unacknowledged: they come again. */
    hand_drop_last(&hand, count);
    return code;
}

/* Publishes owed events that nobody publishes, and releases reservations that have expired, if it
 * is time to look, or at_once is true. */
static enum exit_code relay(bool at_once)
{
    size_t count = 0;
    enum exit_code code = EXIT_OK;

    if (!stop_requested())
        code = record_unsent(&recorder, &outbox, at_once, &count);
    if (code == EXIT_OK && count == 0 && !stop_requested() && !outbox_holds_back(&outbox))
        code = record_expired(&recorder, at_once, &count);
    if (code != EXIT_OK)
        hand_drop_last(&hand, count);
    if (code != EXIT_OK || count == 0)
        return code;
    /* An order that arrives meanwhile is handled at once. */
    last_taken = 0;
    return announce_last(count);
}

/* Waits for the next delivery, with nothing in hand; but not longer than other duties allow. */
static enum exit_code await_next(size_t *count)
{
    bool has_confirmed = recorder.confirmed_count > 0;
    int timeout_ms = has_confirmed ? RECORD_MS : OUTBOX_LOOK_MS;
    enum exit_code code;

    if (settings->idle_ms >= 0 && settings->idle_ms - silence_ms < timeout_ms)
        timeout_ms = settings->idle_ms - silence_ms;
    publisher_service(publisher);
    code = take(count, timeout_ms);
    if (code != EXIT_OK || *count > 0 || stop_requested())
        return code;
    if (settings->idle_ms >= 0)
        silence_ms += timeout_ms;
    return has_confirmed ? record_confirmed(&recorder) : EXIT_OK;
}

/* Brings the metrics up to date. Whoever owes events wants to know of them while the broker takes
 * none: so this is called while it is waited for, too, which is never within a decision. */
static void look_at_all(void)
{
    metrics_measure(recorder.ledger, false);
    metrics_file_step();
}

/* Works until no more orders are to be taken, nothing is in hand, and no owed event is left to
 * publish. */
static enum exit_code work_on(void)
{
    for (;;) {
        bool goes_on = takes_orders();
        enum exit_code code = relay(!goes_on);
        bool is_idle = hand.count == 0;
        size_t count = 0;

        look_at_all();
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

/* After a failure of the ledger: finishes what is recorded and on its way, so that it need not
 * go out again. */
static void finish_recorded(void)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && hand.count > 0) {
        code = publisher_wait(publisher);
        if (code == EXIT_OK)
            code = finish();
    }
}

/* Records what was confirmed, for which room was reserved; and releases what is still owed, such as
 * an event that could not be written to standard output: the next run publishes and writes it. */
static enum exit_code leave_owed(void)
{
    enum exit_code code = EXIT_OK;

    report_flush();
    if (recorder.confirmed_count > 0)
        code = record_confirmed(&recorder);
    if (code == EXIT_OK && (hand.count > 0 || outbox.refused > 0))
        code = recorder.ledger->operations->release(recorder.ledger);
    return code;
}

enum exit_code pipeline_run(void)
{
    enum exit_code code;
    enum exit_code last = EXIT_OK;
    bool is_away;

    connection_on_wait(look_at_all);
    code = settings->flush_only ? EXIT_OK : publisher_open(publisher);
    if (code == EXIT_OK)
        code = work_on();
    connection_on_wait(NULL);
    is_away = code == EXIT_UNREACHABLE ||
              (code == EXIT_STORE && recorder.ledger->operations->may_pass(recorder.ledger));
    if (code == EXIT_STORE)
        finish_recorded();
    /* After a failure of the ledger, too: it may work by now, and confirmed events need not go
     * out again. */
    if (recorder.confirmed_count > 0 || hand.count > 0 || outbox.refused > 0)
        last = leave_owed();
    /* A stop while the broker or the database is away, with nothing in hand, is a clean end. */
    if (is_away && stop_requested() && hand.count == 0)
        code = EXIT_OK;
    code = first_failure(code, last);
    if (code == EXIT_OK && !is_away)
        metrics_measure(recorder.ledger, true);
    if (!settings->flush_only)
        code = first_failure(code, consumer_end(consumer));
    return code == EXIT_OK && outbox.refused > 0 ? EXIT_REFUSED : code;
}

/* ---- the whole ---- */

enum exit_code pipeline_open(const struct pipeline_settings *given)
{
    /* One byte more than an event may have, so that a larger one is noticed. */
    struct consumer_settings consumer_settings = {
        .queue = given->takes_cancelled ? CANCELLED_QUEUE : PLACED_QUEUE,
        .declare = given->takes_cancelled ? topology_declare_cancelled : topology_declare,
        .max_body = EVENT_MAX_SIZE + 1};
    enum exit_code code;

    hand_open(&hand, given->prefetch + OUTBOX_BATCH);
    code = metrics_open(&hand);
    if (code != EXIT_OK)
        return code;
    recorder.rule = given->rule;
    recorder.retain_days = given->retain_days;
    recorder.expire_after_ms = given->expire_after_ms;
    code = recorder_open(&recorder, &hand);
    if (code != EXIT_OK)
        return code;
    settings = given;
    deliveries_left = given->count;
    batch = xcalloc(hand.capacity, sizeof(*batch));
    consumer_settings.prefetch = given->prefetch;
    consumer = consumer_new(given->options, &consumer_settings);
    publisher = publisher_new(given->options,
                              &(struct publisher_settings){.declare = topology_declare_inventory,
                                                           .repair = topology_declare});
    return EXIT_OK;
}

void pipeline_close(void)
{
    metrics_file_close();
    consumer_free(consumer);
    publisher_free(publisher);
    send_spans_free(&spans);
    recorder_close(&recorder);
    hand_close(&hand);
    free(batch);
}
