#include "release.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/foreign.h"
#include "json/json.h"
#include "message/trace_headers.h"
#include "order/event.h"
#include "stock/holding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is released ---- */

static void read_holdings(struct recorder *recorder, struct holding *holdings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ledger_end *end = &recorder->ends[i];

        holding_read(&holdings[i], end->is_noted, end->held);
        for (size_t j = 0; j < holdings[i].item_count; j++)
            levels_add(&recorder->levels, holdings[i].items[j].sku);
    }
}

/* Returns the context that the event of the end carries: that of the cancellation or, if it has
 * none, of the order. NULL if there is none; to be freed with free(). */
static char *trace_of(const struct task *task, const struct ledger_end *end)
{
    char *trace = task->delivery == NULL ? NULL : trace_headers_read(task->delivery->properties);

    return trace != NULL || end->trace == NULL ? trace : xstrdup(end->trace);
}

/* Announces that the order of a task is released. */
static void release(struct recorder *recorder, struct task *task, const struct ledger_end *end,
                    const struct holding *holding, const char *reason)
{
    struct announcement *announcement = &task->announcement;

    levels_give_back(&recorder->levels, holding->items, holding->item_count);
    task->kind = TASK_ANNOUNCE;
    if (!holding->is_known)
        task->note = "what it holds is not on record, so nothing goes back";
    announcement->key = end->key;
    announcement->outcome = LEDGER_RELEASED;
    announcement->event =
        holding_event(holding, EVENT_RELEASED, announcement->order_id, reason, clock_utc_ms());
    announcement->trace = trace_of(task, end);
    recorder->decisions[recorder->decision_count++] =
        (struct ledger_decision){.key = end->key,
                                 .outcome = LEDGER_RELEASED,
                                 .event = announcement->event,
                                 .trace = announcement->trace};
}

static void conclude(struct recorder *recorder, struct task *task, const struct ledger_end *end,
                     const struct holding *holding, const char *reason)
{
    static const char *const notes[] = {[LEDGER_UNKNOWN] = "cancelled before it came",
                                        [LEDGER_FAILED] = "cancelled after it failed",
                                        [LEDGER_RELEASED] = "cancelled again",
                                        [LEDGER_HANDED_OVER] = "cancelled after it was handed over",
                                        [LEDGER_CANCELLED] = "cancelled again"};

    if (end->outcome == LEDGER_RESERVED) {
        release(recorder, task, end, holding, reason);
        return;
    }
    task->kind = TASK_IGNORE;
    if (end->outcome == LEDGER_UNKNOWN)
        task->failure = FAILURE_CANCELLED;
    task->note = notes[end->outcome];
    task->done = true;
}

/* Concludes all tasks from first on that are not rejected, of which there are count. */
static enum exit_code conclude_all(struct recorder *recorder, size_t first, size_t count)
{
    struct holding *holdings = xcalloc(count + 1, sizeof *holdings);
    enum exit_code code;

    read_holdings(recorder, holdings, count);
    code = levels_read(&recorder->levels, recorder->ledger);
    if (code != EXIT_OK)
        recorder->ledger->operations->abandon(recorder->ledger);
    for (size_t i = first, at = 0; at < count && code == EXIT_OK; i++) {
        struct task *task = hand_at(recorder->hand, i);

        if (task->kind == TASK_REJECT)
            continue;
        conclude(recorder, task, &recorder->ends[at], &holdings[at], recorder->reasons[at]);
        at++;
    }
    if (code == EXIT_OK)
        code = record_commit(recorder);
    for (size_t i = 0; i < count; i++)
        holding_free(&holdings[i]);
    free(holdings);
    levels_clear(&recorder->levels);
    return code;
}

static void free_held(struct recorder *recorder, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(recorder->ends[i].held);
        free(recorder->ends[i].trace);
    }
}

/* ---- cancellations ---- */

/* Returns the reason in a cancellation, which is valid JSON, or otherwise "cancelled"; to be freed
 * with free(). */
static char *read_reason(const char *body, size_t len)
{
    size_t mark = foreign_mark(body, len);
    unsigned traits;
    size_t at;
    cJSON *tree;
    const char *text;
    char *reason;

    if (json_check(body + mark, len - mark, &traits, &at) != NULL)
        return xstrdup("cancelled");
    tree = json_parse_scanned(body + mark, len - mark, traits);
    text = json_member_text(tree, "reason");
    if (text == NULL || *text == '\0' || !text_is_printable(text, strlen(text), ORDER_MAX_TEXT))
        text = "cancelled";
    reason = xstrdup(text);
    cJSON_Delete(tree);
    return reason;
}

/* Returns false if the delivery is to be rejected. */
static bool read_cancellation(struct task *task, const char **reason)
{
    const amqp_bytes_t body = task->delivery->body;
    struct order order;
    enum event_verdict verdict =
        event_read(&order, EVENT_CANCELLED, body.bytes, body.len, &task->fault);

    if (verdict != EVENT_SOUND) {
        task->kind = TASK_REJECT;
        task->is_other_type = verdict == EVENT_OTHER_TYPE;
        task->done = true;
        return false;
    }
    (void)snprintf(task->announcement.order_id, sizeof task->announcement.order_id, "%s",
                   order.order_id);
    order_free(&order);
    *reason = read_reason(body.bytes, body.len);
    return true;
}

static enum exit_code record_once(struct recorder *recorder, size_t count)
{
    struct ledger *ledger = recorder->ledger;
    size_t first = recorder->hand->count - count;
    size_t known = 0;
    enum exit_code code;

    for (size_t i = first; i < recorder->hand->count; i++) {
        struct task *task = hand_at(recorder->hand, i);

        if (read_cancellation(task, &recorder->reasons[known]))
            recorder->ends[known++].order_id = task->announcement.order_id;
    }
    code = ledger->operations->claim_ends(ledger, LEDGER_RELEASED, recorder->ends, known);
    if (code == EXIT_OK)
        code = conclude_all(recorder, first, known);
    free_held(recorder, known);
    for (size_t i = 0; i < known; i++)
        free((char *)recorder->reasons[i]);
    return code;
}

enum exit_code record_cancellations(struct recorder *recorder, size_t count)
{
    enum exit_code code;

    while ((code = record_once(recorder, count)) == EXIT_PENDING)
        hand_begin_again(recorder->hand, count);
    return code;
}

/* ---- expired reservations ---- */

/* Claims some; if at_once is true, looks until some are found or none are left. */
static enum exit_code claim(struct recorder *recorder, bool at_once, size_t max, size_t *count)
{
    struct ledger *ledger = recorder->ledger;
    int64_t before_ms = clock_utc_ms() - recorder->expire_after_ms;
    bool at_end;
    enum exit_code code;

    do
        code = ledger->operations->claim_expired(ledger, before_ms, recorder->ends, max, count,
                                                 &at_end);
    while (code == EXIT_OK && at_once && *count == 0 && !at_end && !stop_requested());
    return code;
}

static enum exit_code record_expired_once(struct recorder *recorder, bool at_once, size_t max,
                                          size_t *count)
{
    struct hand *hand = recorder->hand;
    size_t first = hand->count;
    enum exit_code code = claim(recorder, at_once, max, count);

    for (size_t i = 0; i < *count; i++) {
        struct task *task = hand_add(hand, NULL);

        (void)snprintf(task->announcement.order_id, sizeof task->announcement.order_id, "%s",
                       recorder->ends[i].order_id);
        free((char *)recorder->ends[i].order_id);
        recorder->reasons[i] = "expired";
    }
    if (code == EXIT_OK && *count > 0)
        code = conclude_all(recorder, first, *count);
    free_held(recorder, *count);
    return code;
}

enum exit_code record_expired(struct recorder *recorder, bool at_once, size_t *count)
{
    size_t room = recorder->hand->capacity - recorder->hand->count;
    size_t max = room < OUTBOX_BATCH ? room : OUTBOX_BATCH;
    int64_t now = clock_monotonic_ms();
    enum exit_code code;

    *count = 0;
    if (recorder->expire_after_ms == 0 || max == 0 || (!at_once && now < recorder->expire_ms))
        return EXIT_OK;
    while ((code = record_expired_once(recorder, at_once, max, count)) == EXIT_PENDING)
        hand_drop_last(recorder->hand, *count);
    recorder->expire_ms = *count == max ? now : now + OUTBOX_LOOK_MS;
    return code;
}
