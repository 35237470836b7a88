/*
 * batch_span: the span (trace/span.h) of the commit that records several deliveries at once. It is
 * in a trace of its own, with a link to the span of each delivery that has one; each of those has a
 * link to it.
 */
#ifndef MESSAGE_BATCH_SPAN_H
#define MESSAGE_BATCH_SPAN_H

#include "trace/span.h"

#include <stddef.h>

/* Starts the span for count deliveries; NULL if there is only one, or no spans are written. */
struct span *batch_span_start(size_t count);

/* Adds the span of a delivery, unless it was added to another before. delivery may be NULL. */
void batch_span_add(struct span *batch, struct span *delivery);

/* Ends the span of the commit of count deliveries from queue, and frees it. It is written if spans
 * were added. */
void batch_span_end(struct span *batch, const char *queue, size_t count);

#endif
