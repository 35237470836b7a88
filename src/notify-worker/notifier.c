#include "notifier.h"

#include "dead_letter.h"
#include "metrics.h"
#include "record.h"

#include "amqp/connection.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "message/batch_span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 100 /* until an order that another run has claimed is claimed again */

/* A buffer of lines. */
struct teller {
    char *lines;
    size_t capacity;
    size_t len;
};

struct notifier {
    struct notifier_settings settings;
    struct hand hand;
    struct recorder recorder;
    struct teller teller;
    bool has_failed; /* to record a turn */
};

enum exit_code notifier_open(const struct notifier_settings *settings, struct notifier **out)
{
    struct notifier *notifier = xcalloc(1, sizeof *notifier);
    enum exit_code code =
        recorder_open(&notifier->recorder, settings->max_attempts, settings->together);

    *out = NULL;
    notifier->settings = *settings;
    hand_open(&notifier->hand, settings->subject, settings->in_hand, settings->together);
    if (code == EXIT_OK)
        *out = notifier;
    else
        notifier_close(notifier);
    return code;
}

void notifier_close(struct notifier *notifier)
{
    if (notifier == NULL)
        return;
    hand_close(&notifier->hand);
    free(notifier->teller.lines);
    recorder_close(&notifier->recorder);
    free(notifier);
}

void notifier_measure(struct notifier *notifier)
{
    metrics_measure(notifier->recorder.notified);
}

/* ---- in hand ---- */

const struct hand *notifier_hand(const struct notifier *notifier)
{
    return &notifier->hand;
}

void notifier_take(struct notifier *notifier, struct delivery *const batch[], size_t count)
{
    int64_t now = clock_monotonic_ms();

    /* First: a redelivery after a lost connection is not a repeat of the copy in hand. */
    hand_drop_stale(&notifier->hand, notifier->settings.consumer);
    for (size_t i = 0; i < count; i++)
        hand_take(&notifier->hand, batch[i], now);
}

/* ---- turns ---- */

static void wait_for_others(struct hand *hand, struct notification *notification)
{
    if (!notification->is_waiting_for_others) {
        metrics_waits();
        log_event(REPORT_INFO, notification->order_id,
                  "[notify] waiting: %s: another worker has claimed it", notification->order_id);
    }
    notification->is_waiting_for_others = true;
    notification->due_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
    hand_put_back(hand, notification);
}

/* Makes the next turn the present one. */
static void advance(struct hand *hand)
{
    for (size_t i = 0; i < hand->next.count; i++) {
        struct notification *notification = hand->next.items[i];

        if (notification->verdict == VERDICT_WAIT) {
            wait_for_others(hand, notification);
            continue;
        }
        if (notification->verdict == VERDICT_TELL && notification->is_in_doubt) {
            metrics_in_doubt();
            log_event(REPORT_WARNING, notification->order_id, "[notify] in doubt: %s: attempt %d",
                      notification->order_id, notification->attempt);
        }
        hand->turn.items[hand->turn.count++] = notification;
    }
    hand->next.count = 0;
}

static void end_batch_span(struct span *span, const struct hand *hand)
{
    if (span == NULL)
        return;
    for (size_t i = 0; i < hand->next.count; i++)
        batch_span_add(span, hand->next.items[i]->span);
    batch_span_end(span, hand->subject->queue, hand->next.count);
}

enum exit_code notifier_next(struct notifier *notifier)
{
    struct hand *hand = &notifier->hand;
    int64_t began_us = metrics_clock_us();
    struct span *span;
    enum exit_code code;

    hand_drop_stale(hand, notifier->settings.consumer);
    hand_pick(hand);
    if (hand->next.count == 0)
        return notifier_settle(notifier);
    span = batch_span_start(hand->next.count);
    code = recorder_advance(&notifier->recorder, hand);
    end_batch_span(span, hand);
    if (code == EXIT_OK) {
        metrics_claimed(hand->next.count, began_us);
        hand_acknowledge(hand, notifier->settings.consumer);
        advance(hand);
    } else {
        for (size_t i = 0; i < hand->next.count; i++)
            hand_put_back(hand, hand->next.items[i]);
        hand->next.count = 0;
    }
    notifier->recorder.notified->operations->idle(notifier->recorder.notified);
    return code;
}

/* Waits out a lock of another process, so that nobody is told again because of it. */
static enum exit_code record_at_last(struct notifier *notifier)
{
    const struct notified *store = notifier->recorder.notified;
    enum exit_code code = recorder_advance(&notifier->recorder, &notifier->hand);

    while (code != EXIT_OK && store->operations->may_pass(store) && !stop_requested()) {
        connection_wait(NULL, -1, 0);
        consumer_service(notifier->settings.consumer);
        code = recorder_advance(&notifier->recorder, &notifier->hand);
    }
    return code;
}

static size_t count_told(const struct notification_list *turn)
{
    size_t count = 0;

    for (size_t i = 0; i < turn->count; i++)
        if (turn->items[i]->is_claimed && turn->items[i]->outcome == OUTCOME_DONE)
            count++;
    return count;
}

enum exit_code notifier_settle(struct notifier *notifier)
{
    enum exit_code code;
    size_t told;

    if (notifier->hand.turn.count == 0)
        return EXIT_OK;
    code = notifier->has_failed ? EXIT_STORE : record_at_last(notifier);
    if (code == EXIT_OK) {
        hand_acknowledge(&notifier->hand, notifier->settings.consumer);
        notifier->recorder.notified->operations->idle(notifier->recorder.notified);
        return EXIT_OK;
    }
    told = count_told(&notifier->hand.turn);
    if (!notifier->has_failed && told > 0)
        report("%zu customer%s told, and that could not be recorded: the next run will tell them "
               "again",
               told, told == 1 ? " was" : "s were");
    notifier->has_failed = true;
    return code;
}

/* ---- lines on standard output ---- */

static void add_line(struct teller *teller, struct notification *notification)
{
    size_t len = notification->event_len;
    char *shown = NULL;

    /* Escaped for a terminal, as by output_json_text(). */
    if (text_plain_run(notification->event, len) != len)
        shown = json_shown(notification->event, notification->event_len, &len);
    if (teller->len + len + 1 > teller->capacity) {
        teller->capacity = 2 * (teller->len + len + 1);
        teller->lines = xrealloc(teller->lines, teller->capacity);
    }
    memcpy(teller->lines + teller->len, shown == NULL ? notification->event : shown, len);
    teller->lines[teller->len + len] = '\n';
    teller->len += len + 1;
    notification->line_end = teller->len;
    free(shown);
}

/* Writes the lines of those in the turn that are VERDICT_TELL. Only those whose lines were surely
 * written whole become OUTCOME_DONE. */
static enum exit_code tell_turn(struct teller *teller, const struct notification_list *turn)
{
    enum exit_code code;
    size_t taken;

    teller->len = 0;
    for (size_t i = 0; i < turn->count; i++)
        if (turn->items[i]->verdict == VERDICT_TELL)
            add_line(teller, turn->items[i]);
    if (teller->len == 0)
        return EXIT_OK;
    code = output_write(teller->lines, teller->len, &taken);
    for (size_t i = 0; i < turn->count; i++)
        if (turn->items[i]->verdict == VERDICT_TELL && turn->items[i]->line_end <= taken)
            turn->items[i]->outcome = OUTCOME_DONE;
    return code;
}

/* Writes the line of one notification, whatever its verdict and outcome. */
static enum exit_code tell_one(struct teller *teller, struct notification *notification)
{
    size_t taken;

    teller->len = 0;
    add_line(teller, notification);
    return output_write(teller->lines, teller->len, &taken);
}

/* ---- what a turn comes to ---- */

enum exit_code notifier_give_up(struct notifier *notifier, struct notification *notification,
                                const char *reason)
{
    enum exit_code code = dead_letter_move(notifier->settings.publisher,
                                           notifier->settings.subject->queue, notification, reason);

    if (notification->is_refused || notification->not_taken > 0)
        notifier->hand.some_unmoved = true;
    return code;
}

static enum exit_code give_up_spent(struct notifier *notifier, struct notification *notification)
{
    char reason[128];

    (void)snprintf(
        reason, sizeof reason,
        "%d attempts to tell the customer were begun, and none is known to have succeeded",
        notification->attempt);
    return notifier_give_up(notifier, notification, reason);
}

static void log_told(const struct notifier *notifier, const struct notification *notification)
{
    log_about(notifier->settings.subject->told, notification->order_id);
}

static void put_aside(struct notification *notification)
{
    if (notification->verdict == VERDICT_REPEAT)
        log_about("[notify] repeat ignored: ", notification->order_id);
    else
        log_event(REPORT_WARNING, NULL, "[notify] unexpected event ignored: %s",
                  notification->fault);
    notification->outcome = OUTCOME_DONE;
}

static enum exit_code handle(struct notifier *notifier, struct notification *notification)
{
    switch (notification->verdict) {
    case VERDICT_REPEAT:
    case VERDICT_OTHER:
        put_aside(notification);
        return EXIT_OK;
    case VERDICT_MALFORMED:
        return notifier_give_up(notifier, notification, notification->fault);
    case VERDICT_SPENT:
        return give_up_spent(notifier, notification);
    default:
        if (notification->outcome == OUTCOME_DONE)
            log_told(notifier, notification);
        return EXIT_OK;
    }
}

enum exit_code notifier_tell(struct notifier *notifier)
{
    const struct notification_list *turn = &notifier->hand.turn;
    enum exit_code code = tell_turn(&notifier->teller, turn);

    for (size_t i = 0; i < turn->count; i++)
        code = first_failure(code, handle(notifier, turn->items[i]));
    metrics_handled(turn->items, turn->count);
    /* Before N3: a kill after it would lose the log lines. */
    report_flush();
    return code;
}

bool notifier_may_tell(const struct notifier *notifier)
{
    const struct notified *store = notifier->recorder.notified;
    bool may = store->operations->may_tell(store);

    if (!may)
        log_line("[notify] late: what was claimed is claimed again before it is told");
    return may;
}

struct notification *notifier_own(struct notifier *notifier)
{
    const struct notification_list *turn = &notifier->hand.turn;

    return turn->count == 1 && turn->items[0]->verdict == VERDICT_TELL ? turn->items[0] : NULL;
}

enum exit_code notifier_was_told(struct notifier *notifier, struct notification *notification)
{
    enum exit_code code;

    notification->outcome = OUTCOME_DONE;
    code = tell_one(&notifier->teller, notification);
    log_told(notifier, notification);
    metrics_handled(&notification, 1);
    if (code != EXIT_OK)
        report("the customer of order '%s' was told by the command; its line is missing",
               printable_text(notification->order_id));
    report_flush();
    return code;
}
