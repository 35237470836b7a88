/*
 * queue_probe: asks the broker for the arguments with which a queue was declared.
 *
 * AMQP has no method for that. The queue is declared with settings that it may not have: the broker
 * refuses, and its reply text says which setting differs and what it is. With that learned, the
 * queue is declared again, until nothing more differs. One of the arguments declared is invalid, so
 * that a queue which was deleted meanwhile is never made anew. The user needs the right to
 * configure the queue.
 */
#ifndef AMQP_QUEUE_PROBE_H
#define AMQP_QUEUE_PROBE_H

#include "amqp/connection.h"
#include "amqp/queue_traits.h"
#include "base/report.h"

/*
 * Finds out type, auto_delete, single_active, limit and limit_is_sure of an existing queue; leaves
 * unchanged what the broker does not tell. The connection must be up. Returns as channel_refusal().
 */
enum exit_code queue_probe(struct connection *connection, const char *queue,
                           struct queue_traits *traits);

#endif
