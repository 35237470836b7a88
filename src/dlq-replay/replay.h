/*
 * replay: sends letters back to where they came from, or does with them what the rules and the
 * filter decide instead.
 */
#ifndef DLQ_REPLAY_REPLAY_H
#define DLQ_REPLAY_REPLAY_H

#include "batch.h"

#include "base/report.h"

/*
 * Decides for each letter of batch whether it is replayed, parked, left, dropped or refused, does
 * that, and prints the fate of each. Returns EXIT_OK; otherwise, with the reason reported, what
 * coprocess_ask(), coprocess_check(), route_letter() or park_replayed() returns, or EXIT_INPUT for
 * an answer of the filter that is not an envelope, in all of which cases all letters stay; or what
 * send_part() or batch_conclude() returns.
 */
enum exit_code replay_letters(struct batch *batch);

#endif
