/*
 * span: what a program has done for an order or a request that belongs to a trace, and when, as a
 * line in the file that --trace names: OTLP/JSON, an ExportTraceServiceRequest, as the file
 * receiver of an OpenTelemetry collector reads it.
 *
 * Without --trace, for a context that is not sampled, and for none, there is no span: NULL, which
 * all functions accept. That a span cannot be written is reported, and is no failure of anything.
 */
#ifndef TRACE_SPAN_H
#define TRACE_SPAN_H

#include "base/options.h"
#include "trace/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    char *trace; /* the context within the span: what happens for its sake carries it */
    char parent[TRACE_SPAN_LEN + 1]; /* "" if there is none */
    int64_t start_ns;                /* since 1970 */
    int64_t offset_ns;               /* private; of that to the monotonic clock, at the start */
    char (*links)[TRACE_PARENT_LEN]; /* private; the parts of a context that name a span */
    size_t link_count;
};

/* OTLP's numbers. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_PRODUCER = 4, SPAN_CONSUMER = 5 };

struct span_attribute {
    const char *key;
    const char *text; /* NULL: it is number */
    int64_t number;
};

/* What a span is about. Its names, those of its attributes and of errors are from OpenTelemetry's
 * semantic conventions, as far as there are any. */
struct span_about {
    enum span_kind kind;
    const char *name;
    const struct span_attribute *attributes;
    size_t count;
    const char *error;  /* a name of what went wrong, or NULL */
    const char *reason; /* of the error, for people, or NULL */
};

/* --trace, which opens the file. */
extern struct option_entry span_option_table[];

/* Returns whether spans are written. */
bool span_is_wanted(void);

/* Starts a span within a context. End it with span_end() or span_drop(). */
struct span *span_start(const char *trace);

/* Starts a span that is the first of a trace of its own. */
struct span *span_start_alone(void);

/* Links the span to the one within which trace is the context. */
void span_link(struct span *span, const char *trace);

/* Returns the context within span or, without one, trace. */
const char *span_trace(const struct span *span, const char *trace);

/* Ends a span, writes it, and frees it. */
void span_end(struct span *span, const struct span_about *about);

/* Frees a span that has come to nothing. */
void span_drop(struct span *span);

#endif
