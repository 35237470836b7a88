/*
 * peek: the first messages of a queue, one after the other, which all stay there.
 *
 * They come by basic.get, which makes nobody a consumer: a queue that goes with its last consumer
 * stays, and whoever consumes alone, or is the single active consumer, does not matter. Some are
 * asked for ahead of their turn. A stream, and a quorum queue with a single active consumer, know
 * no basic.get: they are consumed.
 *
 * None is acknowledged. When the connection is closed the broker puts all of them back where they
 * were, marked as redelivered, and only then agrees. It does that in one go; one by one, as for
 * basic.nack, it takes minutes for 100,000 of them.
 */
#ifndef QUEUE_INSPECT_PEEK_H
#define QUEUE_INSPECT_PEEK_H

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/queue_traits.h"
#include "base/report.h"

#include <stddef.h>

struct peek;

/* Of count messages, at most, of the queue that look is of. The connection, which is up, and queue
 * must outlive it. */
struct peek *peek_new(struct connection *connection, const char *queue,
                      const struct queue_traits *traits, size_t count);
void peek_free(struct peek *peek);

/*
 * Gets the next message. *delivery is valid until the next call, or NULL if there are no more:
 * count have come, or the queue has no more, or, of what is consumed, none came for a while, or a
 * stop is asked for. EXIT_UNREACHABLE if the connection was lost, which was reported: those that
 * come on another would begin from the first again. Other codes, reported, if the broker refuses to
 * give any.
 */
enum exit_code peek_next(struct peek *peek, const struct delivery **delivery);

#endif
