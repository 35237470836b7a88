#include "message/send_spans.h"

#include "base/memory.h"
#include "message/message_span.h"

#include <stdlib.h>
#include <string.h>

struct send_span {
    struct span *span;
    uint64_t cookie;
    const char *exchange; /* this and the next are constants of the caller */
    const char *routing_key;
    char *message_id;
    char *order_id;
};

/* Returns NULL if the flag says that there is no such property. */
static char *copy(const amqp_basic_properties_t *properties, amqp_flags_t flag, amqp_bytes_t bytes)
{
    return (properties->_flags & flag) != 0 ? xmemdup_text(bytes.bytes, bytes.len) : NULL;
}

/* Adds one at the end. */
static struct send_span *add(struct send_spans *spans)
{
    if (spans->first > 0 && spans->first + spans->count == spans->size) {
        memmove(spans->all, spans->all + spans->first, spans->count * sizeof *spans->all);
        spans->first = 0;
    }
    if (spans->count == spans->size) {
        spans->size = 2 * spans->size + 64;
        spans->all = xrealloc(spans->all, spans->size * sizeof *spans->all);
    }
    return &spans->all[spans->first + spans->count++];
}

static void keep(struct send_spans *spans, struct span *span, const struct message *message,
                 uint64_t cookie)
{
    const amqp_basic_properties_t *properties = message->properties;

    if (span == NULL)
        return;
    *add(spans) = (struct send_span){
        .span = span,
        .cookie = cookie,
        .exchange = message->exchange,
        .routing_key = message->routing_key,
        .message_id = copy(properties, AMQP_BASIC_MESSAGE_ID_FLAG, properties->message_id),
        .order_id = copy(properties, AMQP_BASIC_CORRELATION_ID_FLAG, properties->correlation_id)};
}

void send_spans_add(struct send_spans *spans, const struct message *message,
                    amqp_basic_properties_t *properties, struct trace_headers *headers,
                    const char *trace, uint64_t cookie)
{
    struct span *span;

    if (trace == NULL)
        return;
    span = span_start(trace);
    trace_headers_set(properties, headers, span_trace(span, trace));
    keep(spans, span, message, cookie);
}

void send_spans_add_again(struct send_spans *spans, const struct message *message,
                          amqp_basic_properties_t *properties, uint64_t cookie)
{
    char trace[TRACE_SIZE];
    struct span *span;

    if (!span_is_wanted() || !trace_headers_find(properties, trace))
        return;
    span = span_start(trace);
    if (span != NULL)
        trace_headers_replace(properties, span->trace);
    keep(spans, span, message, cookie);
}

/* Ends the first one. */
static void end_first(struct send_spans *spans, const char *error, const char *reason)
{
    struct send_span *first = &spans->all[spans->first++];

    spans->count--;
    message_span_end(first->span, &(struct message_span){.kind = MESSAGE_SENT,
                                                         .exchange = first->exchange,
                                                         .routing_key = first->routing_key,
                                                         .message_id = first->message_id,
                                                         .order_id = first->order_id,
                                                         .error = error,
                                                         .reason = reason});
    free(first->message_id);
    free(first->order_id);
    if (spans->count == 0)
        spans->first = 0;
}

/* Results come in the order of publishing. */
void send_spans_take(struct send_spans *spans, const struct publisher *publisher, uint64_t cookie,
                     enum publish_result result)
{
    static const char *const errors[] = {[PUBLISH_CONFIRMED] = NULL,
                                         [PUBLISH_UNROUTABLE] = "unroutable",
                                         [PUBLISH_REFUSED] = "refused",
                                         [PUBLISH_NOT_TAKEN] = "not_taken"};

    if (spans->count > 0 && spans->all[spans->first].cookie == cookie)
        end_first(spans, errors[result],
                  result == PUBLISH_CONFIRMED ? NULL : publisher_reason(publisher));
}

void send_spans_forget(struct send_spans *spans)
{
    while (spans->count > 0)
        end_first(spans, "unreachable", NULL);
}

void send_spans_free(struct send_spans *spans)
{
    send_spans_forget(spans);
    free(spans->all);
    *spans = (struct send_spans){0};
}
