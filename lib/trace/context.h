/*
 * context: the trace that an order belongs to, as W3C's recommendation "Trace Context" has it: a
 * traceparent and a tracestate.
 *
 * A context that was read is one text, which is stored and handed on: the traceparent in the form
 * of version 00 and, if there is a tracestate, a space and that. NULL stands for no context.
 */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TRACE_PARENT_LEN 55
#define TRACE_STATE_MAX 512 /* a longer tracestate is left out */
#define TRACE_SIZE (TRACE_PARENT_LEN + 1 + TRACE_STATE_MAX + 1)

/* Where in a traceparent its parts begin, and how long they are. */
#define TRACE_ID_AT 3
#define TRACE_ID_LEN 32
#define TRACE_SPAN_AT 36
#define TRACE_SPAN_LEN 16
#define TRACE_FLAGS_AT 53

/* What traceparent and tracestate are called in the headers of messages and requests. */
#define TRACE_PARENT_NAME "traceparent"
#define TRACE_STATE_NAME "tracestate"

/* The same in the environment of a program. */
#define TRACE_PARENT_VARIABLE "TRACEPARENT"
#define TRACE_STATE_VARIABLE "TRACESTATE"

/*
 * Reads a context from a traceparent, of version 00 or a later one, and a tracestate, which may be
 * NULL. Returns false if the traceparent is invalid: there is no context then. A tracestate that is
 * invalid or too long is left out. Of the flags, those that are known are kept.
 */
bool trace_read(const char *parent, size_t parent_len, const char *state, size_t state_len,
                char text[TRACE_SIZE]);

/* Reads the context in the environment of the program. Returns as trace_read(). */
bool trace_read_environment(char text[TRACE_SIZE]);

/* Returns the tracestate of a context, or NULL. It ends where the context ends. */
const char *trace_state(const char *trace);

/* Returns whether spans of the trace are wanted. */
bool trace_is_sampled(const char *trace);

#endif
