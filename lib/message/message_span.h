/* message_span: ends the span (trace/span.h) of a message that was sent or processed. */
#ifndef MESSAGE_MESSAGE_SPAN_H
#define MESSAGE_MESSAGE_SPAN_H

#include "trace/span.h"

/* What the span is about. Any text may be NULL. */
struct message_span {
    enum { MESSAGE_SENT, MESSAGE_PROCESSED } kind;
    const char *exchange;
    const char *routing_key;
    const char *queue; /* if it was processed: that it came from */
    const char *message_id;
    const char *order_id;
    const char *error;  /* a name of what went wrong */
    const char *reason; /* of the error, for people */
};

/* Ends a span, which may be NULL, writes it, and frees it. */
void message_span_end(struct span *span, const struct message_span *about);

#endif
