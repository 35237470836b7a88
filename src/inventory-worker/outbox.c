#include "outbox.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "base/output.h"
#include "base/uuid.h"
#include "message/event_properties.h"
#include "order/event.h"

#include <string.h>

#define RETRY_BATCH 16 /* refused events tried at once, while all others wait */
#define RETRY_FIRST_MS 2000
#define RETRY_MAX_MS 60000

/* ---- one event ---- */

void announcement_set(struct announcement *announcement, struct ledger_claim *claim, bool is_retry)
{
    announcement->key = claim->key;
    announcement->outcome = claim->outcome;
    announcement->event = claim->event;
    announcement->is_retry = is_retry;
    announcement->is_logged = claim->is_logged || is_retry;
    announcement->trace = claim->trace;
    claim->event = claim->trace = NULL;
}

#define PUBLISHED(type) "[inventory] published " type " for "

static const struct event_kind {
    const char *type;
    const char *routing_key;
    bool is_optional;
    const char *published; /* begins the log line */
} event_kinds[] = {
    [LEDGER_RESERVED] = {EVENT_RESERVED, RESERVED_KEY, false, PUBLISHED(EVENT_RESERVED)},
    [LEDGER_FAILED] = {EVENT_FAILED, FAILED_KEY, false, PUBLISHED(EVENT_FAILED)},
    [LEDGER_RELEASED] = {EVENT_RELEASED, RELEASED_KEY, true, PUBLISHED(EVENT_RELEASED)},
    [LEDGER_HANDED_OVER] = {EVENT_HANDED_OVER, HANDED_OVER_KEY, true,
                            PUBLISHED(EVENT_HANDED_OVER)}};

enum exit_code announcement_publish(const struct announcement *announcement,
                                    struct publisher *publisher, struct send_spans *spans,
                                    uint64_t cookie)
{
    const struct event_kind *kind = &event_kinds[announcement->outcome];
    char message_id[UUID_TEXT_SIZE];
    amqp_basic_properties_t properties;
    struct trace_headers headers;
    struct message message = {.exchange = INVENTORY_EXCHANGE,
                              .routing_key = kind->routing_key,
                              .properties = &properties,
                              .body = amqp_cstring_bytes(announcement->event),
                              .is_optional = kind->is_optional};

    message_id_of(kind->type, announcement->order_id, message_id);
    event_properties(&properties, kind->type, announcement->order_id, message_id);
    send_spans_add(spans, &message, &properties, &headers,
                   span_trace(announcement->span, announcement->trace), cookie);
    return publisher_send(publisher, &message, cookie);
}

enum exit_code announcement_tell(const struct announcement *announcement)
{
    log_about(event_kinds[announcement->outcome].published, announcement->order_id);
    return output_line(announcement->event, strlen(announcement->event));
}

/* ---- all that are owed ---- */

static bool is_time_to_retry(const struct outbox *outbox)
{
    return outbox->refused > 0 && clock_monotonic_ms() >= outbox->retry_ms;
}

static enum exit_code claim_refused(struct outbox *outbox, struct ledger *ledger,
                                    struct ledger_claim *claims, size_t max, size_t *count)
{
    size_t most = max < RETRY_BATCH ? max : RETRY_BATCH;
    enum exit_code code = ledger->operations->claim_unsent(ledger, LEDGER_OWN, outbox->tried_up_to,
                                                           claims, most, count);

    outbox->tried_up_to = *count == most ? claims[*count - 1].key : 0;
    outbox->is_trying = true;
    outbox->failed = false;
    return code;
}

enum exit_code outbox_claim(struct outbox *outbox, struct ledger *ledger, bool at_once,
                            bool is_idle, struct ledger_claim *claims, size_t max, size_t *count)
{
    size_t most = max < OUTBOX_BATCH ? max : OUTBOX_BATCH;
    int64_t now = clock_monotonic_ms();
    enum exit_code code;

    *count = 0;
    if (is_idle && is_time_to_retry(outbox))
        return claim_refused(outbox, ledger, claims, max, count);
    if (most == 0 || outbox_holds_back(outbox) || (!at_once && now < outbox->look_ms))
        return EXIT_OK;
    code = ledger->operations->claim_unsent(ledger, LEDGER_ORPHANED, 0, claims, most, count);
    outbox->look_ms = *count == most ? now : now + OUTBOX_LOOK_MS;
    return code;
}

bool outbox_holds_back(const struct outbox *outbox)
{
    return outbox->is_trying || is_time_to_retry(outbox);
}

void outbox_confirmed(struct outbox *outbox, const struct announcement *announcement)
{
    outbox->in_a_row = 0;
    if (announcement->is_retry)
        outbox->refused--;
}

void outbox_refused(struct outbox *outbox, const struct announcement *announcement, bool is_new,
                    const char *reason)
{
    if (announcement->is_retry) {
        outbox->failed = true;
        return;
    }
    report_warning(
        "the broker did not take the event of order '%s': %s; it stays owed, and is tried again",
        announcement->order_id, reason);
    if (is_new)
        outbox->in_a_row++;
    if (outbox->refused++ > 0)
        return;
    outbox->pause_ms = RETRY_FIRST_MS;
    outbox->retry_ms = clock_monotonic_ms() + outbox->pause_ms;
}

void outbox_rests(struct outbox *outbox)
{
    if (!outbox->is_trying)
        return;
    outbox->is_trying = false;
    if (outbox->failed)
        outbox->pause_ms =
            2 * outbox->pause_ms < RETRY_MAX_MS ? 2 * outbox->pause_ms : RETRY_MAX_MS;
    /* While the broker takes them, the next ones follow at once. */
    if (outbox->failed || outbox->tried_up_to == 0)
        outbox->retry_ms = clock_monotonic_ms() + outbox->pause_ms;
}
