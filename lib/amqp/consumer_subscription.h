/* consumer_subscription: a consumer's subscription to its queue (basic.qos, basic.consume). */
#ifndef AMQP_CONSUMER_SUBSCRIPTION_H
#define AMQP_CONSUMER_SUBSCRIPTION_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>

/* Zeroed to begin with. */
struct subscription {
    unsigned number; /* of the present subscription; its consumer tag is made of it */
    unsigned ready;  /* messages that waited in the queue just before subscription_start() */
    unsigned others; /* consumers of the queue at that time */
};

/*
 * Subscribes to the queue; a connection_setup calls it. prefetch is 1 to 65535, or 0 for no limit.
 * With counts, a queue that seems empty and unused is asked again (queue_ask_again()), so that
 * ready is right. Returns EXIT_OK; EXIT_TOPOLOGY if there is no such queue; or another code. Unless
 * EXIT_OK, the reason was recorded.
 */
enum exit_code subscription_start(struct subscription *subscription, struct connection *connection,
                                  const char *queue, unsigned prefetch, bool counts);

/*
 * Replaces the subscription by a new one, so that a prefetch applies which was set since. Does not
 * wait for the broker. Returns a status of rabbitmq-c.
 */
int subscription_renew(struct subscription *subscription, struct connection *connection,
                       const char *queue);

#endif
