/*
 * request_span: the span (trace/span.h) of a request that came with a context, from its first line
 * to the last byte of its answer.
 */
#ifndef ORDER_HTTP_REQUEST_SPAN_H
#define ORDER_HTTP_REQUEST_SPAN_H

#include "request.h"

#include "trace/context.h"

#include <stdbool.h>

/*
 * Reads the context that the request is handled in, once its header is there: that of its span or,
 * without one, the one that it came with. Returns false if it came with none, or an invalid one.
 */
bool request_span_trace(struct request *request, char trace[TRACE_SIZE]);

/* Starts the span. To be called once, when the header is there. */
void request_span_start(struct request *request);

/* Ends the span, whose answer had that status; 0 if there was none: the client left before. */
void request_span_end(struct request *request, unsigned status);

#endif
