#include "notification.h"

#include "base/memory.h"
#include "json/foreign.h"
#include "message/process_span.h"
#include "order/event.h"

#include <stdlib.h>
#include <string.h>

/* Keeps the event as it came, without a byte order mark and on one line: in JSON, line breaks
 * stand only between tokens. */
static void keep_event(struct notification *notification)
{
    const amqp_bytes_t body = notification->delivery->body;
    size_t mark = foreign_mark(body.bytes, body.len);

    notification->event = (const char *)body.bytes + mark;
    notification->event_len = body.len - mark;
    if (memchr(body.bytes, '\n', body.len) == NULL && memchr(body.bytes, '\r', body.len) == NULL)
        return;
    notification->copy = xcalloc(notification->event_len + 1, 1);
    memcpy(notification->copy, notification->event, notification->event_len);
    for (char *end = notification->copy; (end = strpbrk(end, "\r\n")) != NULL;)
        *end = ' ';
    notification->event = notification->copy;
}

void notification_open(struct notification *notification, const struct subject *subject,
                       struct delivery *delivery, int64_t due_ms)
{
    const amqp_bytes_t body = delivery->body;
    struct order_fault fault;
    struct order order;
    enum event_verdict verdict =
        event_read(&order, subject->event_type, body.bytes, body.len, &fault);

    *notification = (struct notification){.delivery = delivery,
                                          .taken_ms = due_ms,
                                          .due_ms = due_ms,
                                          .span = process_span_start(delivery)};
    if (verdict != EVENT_SOUND) {
        notification->verdict = verdict == EVENT_MALFORMED ? VERDICT_MALFORMED : VERDICT_OTHER;
        notification->fault = xstrdup(fault.reason);
        return;
    }
    notification->verdict = VERDICT_TELL;
    memcpy(notification->order_id, order.order_id, strlen(order.order_id) + 1);
    notified_key(notification->key, order.order_id, subject->kind);
    order_free(&order);
    keep_event(notification);
}

void notification_end_span(struct notification *notification, const char *queue)
{
    bool is_dead = notification->outcome == OUTCOME_DEAD;

    if (notification->span == NULL)
        return;
    process_span_end(notification->span, notification->delivery, queue,
                     notification_is_sound(notification) ? notification->order_id : NULL,
                     is_dead ? "dead_lettered" : NULL, is_dead ? notification->fault : NULL);
    notification->span = NULL;
}

void notification_close(struct notification *notification)
{
    span_drop(notification->span);
    free(notification->copy);
    free(notification->fault);
}

bool notification_is_sound(const struct notification *notification)
{
    return notification->order_id[0] != '\0';
}

bool notification_is_to_be_tried_again(const struct notification *notification)
{
    return notification->outcome == OUTCOME_OPEN &&
           (notification->was_tried || notification->is_claimed);
}
