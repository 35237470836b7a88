/* trace_headers: the headers traceparent and tracestate of a message, which say what trace it
 * belongs to (trace/context.h). */
#ifndef MESSAGE_TRACE_HEADERS_H
#define MESSAGE_TRACE_HEADERS_H

#include "amqp/rabbitmq.h"
#include "trace/context.h"

#include <stdbool.h>

/* Room for both. */
struct trace_headers {
    amqp_table_entry_t entries[2];
};

/* Adds the headers of a context to properties that have none; nothing if trace is NULL. *headers
 * and trace must outlive *properties. */
void trace_headers_set(amqp_basic_properties_t *properties, struct trace_headers *headers,
                       const char *trace);

/*
 * Reads the context from encoded properties. Returns NULL if there is none, or an invalid one; free
 * it with free(). A message without headers costs no allocation.
 */
char *trace_headers_read(amqp_bytes_t properties);

/* Reads the context from decoded properties. Returns false if there is none, or an invalid one. */
bool trace_headers_find(const amqp_basic_properties_t *properties, char trace[TRACE_SIZE]);

/* Makes the traceparent in the headers, if there is one, that of trace, which must outlive
 * *properties. */
void trace_headers_replace(amqp_basic_properties_t *properties, const char *trace);

#endif
