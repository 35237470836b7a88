/*
 * tap: a queue of our own that receives a copy of what is published to an exchange. It is deleted
 * with the connection.
 *
 * It is bounded: if messages arrive faster than they are read, it drops the oldest.
 */
#ifndef QUEUE_INSPECT_TAP_H
#define QUEUE_INSPECT_TAP_H

#include "amqp/consumer.h"

#include <stddef.h>

/* The bounds: messages, and bytes of their bodies. */
#define TAP_MAX_MESSAGES 10000
#define TAP_MAX_BYTES (64 * 1024 * 1024)

struct tap {
    const char *exchange;
    char **keys; /* routing keys or, for a topic exchange, patterns */
    size_t key_count;
};

/* Adds a copy of key, unless there is one. */
void tap_add_key(struct tap *tap, const char *key);

/* Frees the keys. */
void tap_free(struct tap *tap);

/* Binds the queue with this name to the exchange by each key. Repeating that is harmless, and
 * restores bindings that were removed. Returns EXIT_OK, or what connection_reply() returns. */
enum exit_code tap_bind(struct connection *connection, const struct tap *tap, const char *name);

/* Declares the queue and binds it: the own_queue of a consumer. tap is a struct tap. Writes the
 * name that the broker has chosen to name. */
enum exit_code tap_declare(struct connection *connection, void *tap,
                           char name[CONSUMER_QUEUE_SIZE]);

#endif
