#include "record.h"

#include "amqp/broker_options.h"
#include "base/clock.h"
#include "base/memory.h"
#include "engine/open.h"
#include "message/trace_headers.h"
#include "order/event.h"
#include "stock/holding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

enum exit_code recorder_open(struct recorder *recorder, struct hand *hand)
{
    struct store_patience patience = {.attempts = broker_options.retries,
                                      .delay_s = broker_options.retry_delay};
    enum exit_code code = engine_open_ledger(NULL, LEDGER_DECIDE, &patience, &recorder->ledger);

    if (code != EXIT_OK)
        return code;
    recorder->hand = hand;
    recorder->confirmed = xcalloc(hand->capacity, sizeof *recorder->confirmed);
    recorder->orders = xcalloc(hand->capacity, sizeof *recorder->orders);
    recorder->claims = xcalloc(hand->capacity, sizeof *recorder->claims);
    recorder->decisions = xcalloc(hand->capacity, sizeof *recorder->decisions);
    recorder->ends = xcalloc(hand->capacity, sizeof *recorder->ends);
    recorder->reasons = xcalloc(hand->capacity, sizeof *recorder->reasons);
    return EXIT_OK;
}

void recorder_close(struct recorder *recorder)
{
    if (recorder->ledger != NULL)
        recorder->ledger->operations->close(recorder->ledger);
    free(recorder->confirmed);
    free(recorder->orders);
    free(recorder->claims);
    free(recorder->decisions);
    free(recorder->ends);
    free(recorder->reasons);
    levels_free(&recorder->levels);
}

/* ---- committing ---- */

static struct ledger_sent list_sent(const struct recorder *recorder)
{
    struct ledger_sent sent = {.keys = recorder->confirmed, .count = recorder->confirmed_count};

    if (recorder->retain_days >= 0)
        sent.forget_before_ms = clock_utc_ms() - recorder->retain_days * DAY_MS;
    return sent;
}

static void forget_decisions(struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->decision_count; i++)
        free((char *)recorder->decisions[i].held);
    recorder->decision_count = 0;
}

enum exit_code record_commit(struct recorder *recorder)
{
    const struct ledger_operations *operations = recorder->ledger->operations;
    struct ledger_commit commit = {.decisions = recorder->decisions,
                                   .decision_count = recorder->decision_count,
                                   .levels = recorder->levels.all,
                                   .level_count = recorder->levels.count,
                                   .sent = list_sent(recorder)};
    enum exit_code code;

    for (size_t i = 0; i < recorder->hand->count; i++) {
        const struct task *task = hand_at(recorder->hand, i);

        if (task->kind == TASK_ANNOUNCE) {
            commit.events++;
            commit.event_bytes += strlen(task->announcement.event);
        }
    }
    code = operations->commit(recorder->ledger, &commit);
    forget_decisions(recorder);
    if (code == EXIT_OK)
        recorder->confirmed_count = 0;
    return code;
}

enum exit_code record_confirmed(struct recorder *recorder)
{
    const struct ledger_sent sent = list_sent(recorder);
    enum exit_code code = recorder->ledger->operations->mark_sent(recorder->ledger, &sent);

    if (code == EXIT_OK)
        recorder->confirmed_count = 0;
    return code;
}

/* ---- deliveries ---- */

/* Returns false if the delivery is to be rejected. */
static bool read_order(struct task *task, struct order *order)
{
    const amqp_bytes_t body = task->delivery->body;
    enum event_verdict verdict =
        event_read(order, EVENT_PLACED, body.bytes, body.len, &task->fault);

    if (verdict != EVENT_SOUND) {
        task->kind = TASK_REJECT;
        task->is_other_type = verdict == EVENT_OTHER_TYPE;
        task->done = true;
        return false;
    }
    /* At most ORDER_MAX_ID bytes. */
    memcpy(task->announcement.order_id, order->order_id, strlen(order->order_id) + 1);
    return true;
}

static void decide(struct recorder *recorder, struct task *task, const struct ledger_claim *claim,
                   const struct order *order, int64_t now_ms)
{
    struct announcement *announcement = &task->announcement;
    struct reservation reservation;
    bool reserved;

    if (claim->is_cancelled)
        reservation_refuse(&reservation);
    else
        reservation_decide(order, &recorder->rule, &recorder->levels, &reservation);
    reserved = reservation.outcome == LEDGER_RESERVED;
    for (size_t i = 0; i < reservation.move_count; i++)
        levels_move(&recorder->levels, reservation.moves[i].sku, reservation.moves[i].qty);
    task->kind = TASK_ANNOUNCE;
    announcement->key = claim->key;
    announcement->outcome = reservation.outcome;
    task->failure = reserved ? FAILURE_UNKNOWN : reservation.failure;
    announcement->event =
        event_print(order, reserved ? EVENT_RESERVED : EVENT_FAILED, announcement->order_id, now_ms,
                    reserved ? NULL : reservation.reason);
    announcement->trace = trace_headers_read(task->delivery->properties);
    recorder->decisions[recorder->decision_count++] = (struct ledger_decision){
        .key = claim->key,
        .outcome = reservation.outcome,
        .event = announcement->event,
        .trace = announcement->trace,
        .held = reserved ? holding_print(reservation.moves, reservation.move_count, order->contact)
                         : NULL};
    reservation_free(&reservation);
}

static void conclude(struct recorder *recorder, struct task *task, struct ledger_claim *claim,
                     const struct order *order, int64_t now_ms)
{
    switch (claim->standing) {
    case LEDGER_NEW:
        decide(recorder, task, claim, order, now_ms);
        break;
    case LEDGER_UNSENT:
        task->kind = TASK_ANNOUNCE;
        announcement_set(&task->announcement, claim, false);
        break;
    case LEDGER_HANDLED:
        task->kind = TASK_IGNORE;
        task->note = "duplicate ignored";
        task->done = true;
        break;
    }
}

static enum exit_code look_up(struct recorder *recorder, size_t count, int64_t now_ms)
{
    struct ledger *ledger = recorder->ledger;
    enum exit_code code = ledger->operations->claim(ledger, now_ms, recorder->claims, count);

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        const struct order *order = &recorder->orders[i];

        for (size_t j = 0; recorder->claims[i].standing == LEDGER_NEW && j < order->item_count; j++)
            levels_add(&recorder->levels, order->items[j].sku);
    }
    if (code == EXIT_OK)
        code = levels_read(&recorder->levels, ledger);
    if (code != EXIT_OK)
        ledger->operations->abandon(ledger);
    return code;
}

static void free_claim(struct ledger_claim *claim)
{
    free(claim->event);
    free(claim->trace);
}

static enum exit_code record_once(struct recorder *recorder, size_t count)
{
    size_t first = recorder->hand->count - count;
    int64_t now_ms = clock_utc_ms();
    size_t known = 0;
    enum exit_code code;

    for (size_t i = first; i < recorder->hand->count; i++) {
        struct task *task = hand_at(recorder->hand, i);

        if (read_order(task, &recorder->orders[known]))
            recorder->claims[known++].order_id = task->announcement.order_id;
    }
    code = look_up(recorder, known, now_ms);
    for (size_t i = first, at = 0; at < known; i++) {
        struct task *task = hand_at(recorder->hand, i);

        if (task->kind == TASK_REJECT)
            continue;
        if (code == EXIT_OK)
            conclude(recorder, task, &recorder->claims[at], &recorder->orders[at], now_ms);
        else
            free_claim(&recorder->claims[at]);
        order_free(&recorder->orders[at++]);
    }
    if (code == EXIT_OK)
        code = record_commit(recorder);
    levels_clear(&recorder->levels);
    return code;
}

enum exit_code record_deliveries(struct recorder *recorder, size_t count)
{
    enum exit_code code;

    while ((code = record_once(recorder, count)) == EXIT_PENDING)
        hand_begin_again(recorder->hand, count);
    return code;
}

/* ---- events without a delivery ---- */

static enum exit_code record_unsent_once(struct recorder *recorder, struct outbox *outbox,
                                         bool at_once, size_t *count)
{
    struct hand *hand = recorder->hand;
    enum exit_code code = outbox_claim(outbox, recorder->ledger, at_once, hand->count == 0,
                                       recorder->claims, hand->capacity - hand->count, count);

    for (size_t i = 0; i < *count; i++) {
        struct ledger_claim *claim = &recorder->claims[i];
        struct task *task = hand_add(hand, NULL);

        task->kind = TASK_ANNOUNCE;
        (void)snprintf(task->announcement.order_id, sizeof task->announcement.order_id, "%s",
                       claim->order_id);
        announcement_set(&task->announcement, claim, outbox->is_trying);
        free((char *)claim->order_id);
    }
    if (code != EXIT_OK || *count == 0)
        return code;
    return record_commit(recorder);
}

enum exit_code record_unsent(struct recorder *recorder, struct outbox *outbox, bool at_once,
                             size_t *count)
{
    const struct outbox before = *outbox;
    enum exit_code code;

    while ((code = record_unsent_once(recorder, outbox, at_once, count)) == EXIT_PENDING) {
        hand_drop_last(recorder->hand, *count);
        *outbox = before;
    }
    return code;
}
