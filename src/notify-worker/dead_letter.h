/*
 * dead_letter: moves a notification that cannot be told to the dead letter queue.
 *
 * It is published and confirmed, not rejected: the queues of inventory have no dead letter
 * exchange, and would drop it.
 */
#ifndef NOTIFY_WORKER_DEAD_LETTER_H
#define NOTIFY_WORKER_DEAD_LETTER_H

#include "notification.h"

#include "amqp/publisher.h"
#include "base/report.h"

/*
 * Publishes the delivery, which is from queue, as a dead letter, with reason, and waits for the
 * broker. Once it is confirmed, the outcome is OUTCOME_DEAD. If the broker refuses it, it is
 * is_refused, is_stuck and due again after a minute. If the broker cannot take it for now, one is
 * added to not_taken, and it is due again after publisher_pause_ms(); from the last of
 * publisher_attempts() on it is is_stuck, and due again after a minute. Both are reported. Returns
 * EXIT_OK in all these cases; otherwise what publisher_wait_all() returns, reported.
 */
enum exit_code dead_letter_move(struct publisher *publisher, const char *queue,
                                struct notification *notification, const char *reason);

#endif
