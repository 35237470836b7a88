/*
 * send: publishes the letters of a batch that are to be sent.
 */
#ifndef DLQ_REPLAY_SEND_H
#define DLQ_REPLAY_SEND_H

#include "batch.h"
#include "decision.h"

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Publishes what is to be sent of the current part, unless this is a dry run, and waits until the
 * broker has answered for all of it. With heeds_stop it ends early if a stop is asked for. Returns
 * EXIT_OK, or what publisher_send() and publisher_wait_all() return. Whatever the code, every
 * letter has its final decision afterwards: one that was not sent, or not confirmed, is left.
 */
enum exit_code send_part(struct batch *batch, bool heeds_stop);

/* Publishes one letter, and waits for the answer. No other message may be pending. Returns true if
 * it is confirmed, which means that a queue has it. */
bool send_alone(struct batch *batch, struct decision *decision);

/* Decides that the letters of the current part that are to be sent, from index on, are left. */
void send_not_from(struct batch *batch, size_t index, const char *reason);

#endif
