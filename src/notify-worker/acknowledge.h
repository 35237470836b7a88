/*
 * acknowledge: acknowledges the deliveries of a recorded turn (N4 of notifier.h), with one
 * basic.ack if that covers nothing else in hand, otherwise with one for each.
 */
#ifndef NOTIFY_WORKER_ACKNOWLEDGE_H
#define NOTIFY_WORKER_ACKNOWLEDGE_H

#include "hand.h"

#include "amqp/consumer.h"

/* Acknowledges those of the turn that are OUTCOME_DONE or OUTCOME_DEAD, and puts the others back.
 * The turn is empty then. */
void acknowledge_turn(struct hand *hand, struct consumer *consumer);

#endif
