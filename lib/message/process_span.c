#include "message/process_span.h"

#include "base/memory.h"
#include "message/message_span.h"
#include "message/trace_headers.h"

#include <stdlib.h>

#define POOL_BYTES 4096

struct span *process_span_start(const struct delivery *delivery)
{
    struct span *span;
    char *trace;

    if (!span_is_wanted())
        return NULL;
    trace = trace_headers_read(delivery->properties);
    span = span_start(trace);
    free(trace);
    return span;
}

static char *message_id_of(const struct delivery *delivery)
{
    amqp_pool_t pool;
    const amqp_basic_properties_t *properties;
    char *id = NULL;

    init_amqp_pool(&pool, POOL_BYTES);
    properties = delivery_properties(delivery, &pool);
    if (properties != NULL && (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0)
        id = xmemdup_text(properties->message_id.bytes, properties->message_id.len);
    empty_amqp_pool(&pool);
    return id;
}

static char *text_of(amqp_bytes_t bytes)
{
    return xmemdup_text(bytes.bytes, bytes.len);
}

void process_span_end(struct span *span, const struct delivery *delivery, const char *queue,
                      const char *order_id, const char *error, const char *reason)
{
    char *exchange;
    char *routing_key;
    char *message_id;

    if (span == NULL)
        return;
    exchange = text_of(delivery->exchange);
    routing_key = text_of(delivery->routing_key);
    message_id = message_id_of(delivery);
    message_span_end(span, &(struct message_span){.kind = MESSAGE_PROCESSED,
                                                  .exchange = exchange,
                                                  .routing_key = routing_key,
                                                  .queue = queue,
                                                  .message_id = message_id,
                                                  .order_id = order_id,
                                                  .error = error,
                                                  .reason = reason});
    free(exchange);
    free(routing_key);
    free(message_id);
}
