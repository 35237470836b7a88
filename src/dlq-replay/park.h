/*
 * park: moves letters into the parking queue: all of them if that is asked for; those that were
 * replayed often enough; and those that the broker would remove if they came back once more.
 *
 * The last need arises in a queue with a delivery limit: the broker counts how often a letter
 * comes back from a consumer, and removes one that exceeds the limit. dlq-replay is a consumer, and
 * whatever it leaves comes back.
 */
#ifndef DLQ_REPLAY_PARK_H
#define DLQ_REPLAY_PARK_H

#include "batch.h"
#include "decision.h"
#include "rules.h"

#include "base/report.h"

#include <stdbool.h>

/*
 * Decides that a letter that was replayed rules->max_replays times is parked, and declares the
 * parking queue; or that it is left, if the rules do not park. Returns EXIT_OK; otherwise, with the
 * reason reported, what connection_open() or queue_ensure() returns.
 */
enum exit_code park_replayed(struct decision *decision, struct replay_rules *rules);

/* Decides that a letter is parked since that was asked for, and declares the parking queue. Returns
 * as park_replayed(). */
enum exit_code park_asked(struct decision *decision, struct replay_rules *rules);

/*
 * Publishes a letter that was to stay into the parking queue if the broker would remove it instead.
 * No other message may be pending. Returns true once the queue has it; the caller then removes the
 * letter. Returns false, with the decision as before, if there is no need, if its connection is
 * lost (then it comes again, or is removed already), or if that is not possible.
 */
bool park_if_spent(struct batch *batch, struct decision *decision);

/* Reports how many letters park_if_spent() has parked, and how many it could not save; and how many
 * were left because of max_replays. */
void park_report(const struct batch *batch);

#endif
