/*
 * peek: fetches the first messages of a queue, one by one, and leaves them all in the queue.
 *
 * They come by basic.get, which involves no consumer: auto-delete queues survive it, and exclusive
 * or single active consumers are not disturbed. Several are requested ahead. Streams, and quorum
 * queues with a single active consumer, do not support basic.get: those are consumed.
 *
 * Nothing is acknowledged. When the connection is closed, the broker puts all messages back where
 * they were, marked as redelivered, before it confirms. It does so in one go; with basic.nack, one
 * by one, 100,000 messages take minutes.
 */
#ifndef QUEUE_INSPECT_PEEK_H
#define QUEUE_INSPECT_PEEK_H

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/queue_traits.h"
#include "base/report.h"

#include <stddef.h>

struct peek;

/* Prepares to fetch at most count messages of queue, which has these traits. connection must be up
 * and, like queue, stay valid. Free with peek_free(). */
struct peek *peek_new(struct connection *connection, const char *queue,
                      const struct queue_traits *traits, size_t count);
void peek_free(struct peek *peek);

/*
 * Fetches the next message. Sets *delivery, valid until the next call; or to NULL at the end: count
 * have come, the queue has no more, none was delivered to the consumer for a while, or a stop was
 * requested. Reports and returns EXIT_UNREACHABLE if the connection was lost: a new one would start
 * with the first message again. Returns another code, reported, if the broker refuses.
 */
enum exit_code peek_next(struct peek *peek, const struct delivery **delivery);

#endif
