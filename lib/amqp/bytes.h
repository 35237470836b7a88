/*
 * bytes: comparing amqp_bytes_t, the strings of AMQP, which have a length, no terminating NUL, and
 * may hold any bytes. An empty one may point to NULL.
 */
#ifndef AMQP_BYTES_H
#define AMQP_BYTES_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>

/* Returns whether a and b are equal. */
bool bytes_equal(amqp_bytes_t a, amqp_bytes_t b);

/* Returns whether bytes are those of text. */
bool bytes_are(amqp_bytes_t bytes, const char *text);

/* Returns whether bytes begin with those of text. */
bool bytes_begin(amqp_bytes_t bytes, const char *text);

/* Returns whether the bytes of text occur in bytes. */
bool bytes_contain(amqp_bytes_t bytes, const char *text);

/* Compares two amqp_bytes_t, for qsort(): byte by byte as memcmp() does, then by length. */
int bytes_compare(const void *a, const void *b);

#endif
