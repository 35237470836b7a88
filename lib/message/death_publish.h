/*
 * death_publish: moves a message to the dead letter queue, for a queue that has no dead letter
 * exchange and would drop it.
 */
#ifndef MESSAGE_DEATH_PUBLISH_H
#define MESSAGE_DEATH_PUBLISH_H

#include "amqp/delivery.h"
#include "amqp/publisher.h"
#include "base/report.h"

/*
 * Publishes delivery, which came from queue, to the dead letter exchange, with headers that say
 * whence and why, and waits for its result, which it sets. publisher must have no other message.
 * Returns EXIT_OK, or what publisher_wait_all() returns.
 */
enum exit_code death_publish(struct publisher *publisher, const char *queue,
                             const struct delivery *delivery, const char *reason,
                             enum publish_result *result);

#endif
