/*
 * span: what a program has done for an order that belongs to a trace, and when, as a line in the
 * file that --trace names: OTLP/JSON, an ExportTraceServiceRequest, as the file receiver of an
 * OpenTelemetry collector reads it.
 *
 * Without --trace, for a context that is not sampled, and for none, there is no span: NULL, which
 * all functions accept. That a span cannot be written is reported, and is no failure of anything.
 */
#ifndef TRACE_SPAN_H
#define TRACE_SPAN_H

#include "base/options.h"
#include "trace/context.h"

#include <stdbool.h>
#include <stdint.h>

struct span {
    char *trace; /* the context within the span: what happens for its sake carries it */
    char parent[TRACE_SPAN_LEN + 1];
    int64_t start_ns; /* since 1970 */
};

/* What a span is about. Any text may be NULL. */
struct span_about {
    enum { SPAN_SENDS, SPAN_PROCESSES } kind;
    const char *exchange;
    const char *routing_key;
    const char *queue; /* if it processes: that the message came from */
    const char *message_id;
    const char *order_id;
    const char *error;  /* a name of what went wrong */
    const char *reason; /* of the error, for people */
};

/* --trace, which opens the file. */
extern struct option_entry span_option_table[];

/* Returns whether spans are written. */
bool span_is_wanted(void);

/* Starts a span within a context. End it with span_end() or span_drop(). */
struct span *span_start(const char *trace);

/* Returns the context within span or, without one, trace. */
const char *span_trace(const struct span *span, const char *trace);

/* Ends a span, writes it, and frees it. */
void span_end(struct span *span, const struct span_about *about);

/* Frees a span that has come to nothing. */
void span_drop(struct span *span);

#endif
