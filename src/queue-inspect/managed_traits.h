/*
 * managed_traits: reads the traits of a queue (queue_traits.h) with the help of the management
 * API, which knows of policies and needs no right to configure the queue.
 */
#ifndef QUEUE_INSPECT_MANAGED_TRAITS_H
#define QUEUE_INSPECT_MANAGED_TRAITS_H

#include "management.h"

#include "amqp/queue_traits.h"

/*
 * Reads the traits of queue, and returns what queue_traits_read() returns. If the API does not
 * answer and the delivery limit cannot be known without it, reports why, and sets
 * traits->limit_fault to the code.
 */
enum exit_code managed_traits_read(struct connection *connection, struct management *management,
                                   const char *queue, struct queue_traits *traits);

/* Returns the delivery limit in the API's description of a queue, or QUEUE_NO_LIMIT. *is_said is
 * false if the description does not mention a limit; the broker's default then applies. */
long managed_traits_limit(const cJSON *queue, bool *is_said);

#endif
