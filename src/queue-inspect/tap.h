/*
 * tap: a queue of one's own that gets a copy of what is published to an exchange, and goes when the
 * connection does.
 *
 * It is bounded: a reader that is too slow misses the oldest messages, rather than fill the broker.
 */
#ifndef QUEUE_INSPECT_TAP_H
#define QUEUE_INSPECT_TAP_H

#include "amqp/consumer.h"

#include <stddef.h>

/* Messages and bytes that wait in it, at most. */
#define TAP_MAX_MESSAGES 10000
#define TAP_MAX_BYTES (64 * 1024 * 1024)

struct tap {
    const char *exchange;
    char **keys; /* routing keys, or patterns of a topic exchange */
    size_t key_count;
};

/* Adds a copy of the key. */
void tap_add_key(struct tap *tap, const char *key);

void tap_free(struct tap *tap);

/*
 * Binds the queue of that name with each key: again, if it is bound already, which changes nothing
 * unless somebody has taken the binding, or the exchange, away. Returns EXIT_OK, or as
 * connection_reply().
 */
enum exit_code tap_bind(struct connection *connection, const struct tap *tap, const char *name);

/*
 * Declares the queue and binds it: the own_queue of a consumer. tap is a struct tap; name is what
 * the broker has called the queue.
 */
enum exit_code tap_declare(struct connection *connection, void *tap,
                           char name[CONSUMER_QUEUE_SIZE]);

#endif
