/*
 * send_spans: the spans (trace/span.h) of messages that a publisher has not told the result of. The
 * caller tells of each message that it publishes, and of each result.
 */
#ifndef MESSAGE_SEND_SPANS_H
#define MESSAGE_SEND_SPANS_H

#include "amqp/publisher.h"
#include "amqp/rabbitmq.h"
#include "message/trace_headers.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed, there are none. */
struct send_spans {
    struct send_span *all; /* private, as all below */
    size_t size;
    size_t first;
    size_t count;
};

/*
 * To be called right before publisher_send(), with its arguments and the context of the message,
 * which may be NULL: adds the headers to properties, which are those of the message, as
 * trace_headers_set() does. If the program writes spans they are those of a new one.
 */
void send_spans_add(struct send_spans *spans, const struct message *message,
                    amqp_basic_properties_t *properties, struct trace_headers *headers,
                    const char *trace, uint64_t cookie);

/*
 * The same for a message that is published again, with its headers: if they have a context and the
 * program writes spans, the context becomes that of a new one. Changes the entries of the headers.
 */
void send_spans_add_again(struct send_spans *spans, const struct message *message,
                          amqp_basic_properties_t *properties, uint64_t cookie);

/* To be called for each result of publisher_next(). */
void send_spans_take(struct send_spans *spans, const struct publisher *publisher, uint64_t cookie,
                     enum publish_result result);

/* To be called with publisher_forget(): what was on its way has failed. */
void send_spans_forget(struct send_spans *spans);

/* Frees all. */
void send_spans_free(struct send_spans *spans);

#endif
