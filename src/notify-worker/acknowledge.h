/*
 * acknowledge: the deliveries of a recorded turn are acknowledged (N4 of notifier.h): all of them at
 * once if the broker's rules allow it.
 */
#ifndef NOTIFY_WORKER_ACKNOWLEDGE_H
#define NOTIFY_WORKER_ACKNOWLEDGE_H

#include "hand.h"

#include "amqp/consumer.h"

/* Acknowledges what is done or dead in the turn, and puts back the rest. The turn is empty then. */
void acknowledge_turn(struct hand *hand, struct consumer *consumer);

#endif
