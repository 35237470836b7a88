#include "outcome.h"

#include "amqp/bytes.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "json/walk.h"
#include "json/writer.h"
#include "message/process_span.h"
#include "order/event.h"

#include <stdlib.h>
#include <string.h>

static const struct kind {
    const char *routing_key;
    const char *event_type;
    enum order_status status;
} kinds[] = {{RESERVED_KEY, EVENT_RESERVED, ORDER_RESERVED},
             {FAILED_KEY, EVENT_FAILED, ORDER_FAILED},
             {RELEASED_KEY, EVENT_RELEASED, ORDER_CANCELLED},
             {HANDED_OVER_KEY, EVENT_HANDED_OVER, ORDER_HANDED_OVER}};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* Returns the text of a string, to be freed with free(); NULL if value is none. */
static char *copy_text(const char *value)
{
    char *text;

    if (value == NULL || *value != '"')
        return NULL;
    text = xmalloc((size_t)(json_walk_past(value) - value) + 1);
    (void)json_walk_text(value, text);
    return text;
}

/* Reads what event_read() leaves out of the text of an event that it has accepted. */
static void read_rest(struct outcome *outcome, int64_t now_ms)
{
    const amqp_bytes_t body = outcome->delivery->body;
    /* Before it are white space and a byte order mark at most. No NUL follows the body. */
    const char *object = memchr(body.bytes, '{', body.len);
    struct json_field fields[] = {{.name = "ts"}, {.name = "reason"}};
    char *ts;

    (void)json_walk_object(object, fields, 2);
    ts = copy_text(fields[0].value);
    if (ts == NULL || !clock_read_rfc3339(ts, &outcome->record.at))
        outcome->record.at = now_ms;
    free(ts);
    if (outcome->record.status == ORDER_FAILED || outcome->record.status == ORDER_CANCELLED)
        outcome->reason = copy_text(fields[1].value);
    outcome->record.reason = outcome->reason;
}

/* Returns the kind of event that comes with a routing key. */
static size_t find_kind(amqp_bytes_t routing_key)
{
    size_t at = 0;

    while (at < KINDS - 1 && !bytes_are(routing_key, kinds[at].routing_key))
        at++;
    return at;
}

void outcome_open(struct outcome *outcome, struct delivery *delivery, int64_t now_ms)
{
    const amqp_bytes_t body = delivery->body;
    size_t first = find_kind(delivery->routing_key);
    enum event_verdict verdict = EVENT_OTHER_TYPE;
    struct order order;

    *outcome = (struct outcome){.delivery = delivery, .span = process_span_start(delivery)};
    /* A dead letter that was replayed comes with another routing key. */
    for (size_t i = 0; i < KINDS && verdict == EVENT_OTHER_TYPE; i++) {
        const struct kind *kind = &kinds[(first + i) % KINDS];

        verdict = event_read(&order, kind->event_type, body.bytes, body.len, &outcome->fault);
        outcome->record.status = kind->status;
    }
    if (verdict != EVENT_SOUND) {
        outcome->kind = verdict == EVENT_MALFORMED ? OUTCOME_MALFORMED : OUTCOME_OTHER;
        return;
    }
    memcpy(outcome->order_id, order.order_id, strlen(order.order_id) + 1);
    order_free(&order);
    if (uuid_from_text(outcome->order_id, outcome->record.id)) {
        outcome->kind = OUTCOME_TO_RECORD;
        /* As order-show writes it, in lower case. */
        uuid_to_text(outcome->record.id, outcome->order_id);
    } else {
        outcome->kind = OUTCOME_OF_NOBODY;
    }
    read_rest(outcome, now_ms);
}

void outcome_close(struct outcome *outcome)
{
    free(outcome->reason);
    outcome->reason = NULL;
    span_drop(outcome->span);
    outcome->span = NULL;
}

char *outcome_print(const struct outcome *outcome)
{
    char at[CLOCK_TEXT_SIZE];
    struct json_writer line;

    clock_rfc3339(outcome->record.at, at);
    json_writer_start(&line);
    json_writer_member(&line, "{\"order_id\": ", outcome->order_id);
    json_writer_member(&line, ", \"status\": ", order_status_name(outcome->record.status));
    json_writer_member(&line, ", \"at\": ", at);
    if (outcome->record.reason != NULL)
        json_writer_member(&line, ", \"reason\": ", outcome->record.reason);
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}
