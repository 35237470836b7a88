/* process_span: the span (trace/span.h) of a delivery, from when it was taken in hand until it is
 * settled. */
#ifndef MESSAGE_PROCESS_SPAN_H
#define MESSAGE_PROCESS_SPAN_H

#include "amqp/delivery.h"
#include "trace/span.h"

/* Starts the span of a delivery; NULL if there is none. */
struct span *process_span_start(const struct delivery *delivery);

/* Ends it, and frees it. The delivery came from queue and must not be settled yet. error, its
 * reason and order_id may be NULL. */
void process_span_end(struct span *span, const struct delivery *delivery, const char *queue,
                      const char *order_id, const char *error, const char *reason);

#endif
