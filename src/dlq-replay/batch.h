/*
 * letter_batch: a batch of dead letters, and what is done with it as a whole.
 *
 * It is filled, from a snapshot or piece by piece from a file, and then handled by one of the
 * functions below, which leaves it empty. A letter that is sent is published, confirmed and routed
 * first; one that is taken is written out first, and synced if that is to a file. What was done is
 * recorded in the audit second, and a letter of the snapshot is removed third. Killed in between,
 * it is in both places; never in none.
 *
 * An exit code that is not EXIT_OK was reported. What of the batch was not removed by then stays in
 * the queue; what was confirmed by then is removed all the same.
 *
 * Letters are not held for longer than about a second before something is done with them: if a
 * filter, or the reader of what is taken, is slower than that, a batch is handled in parts.
 */
#ifndef DLQ_REPLAY_BATCH_H
#define DLQ_REPLAY_BATCH_H

#include "audit.h"
#include "decision.h"
#include "snapshot.h"
#include "summary.h"

#include "amqp/publisher.h"
#include "base/report.h"
#include "json/stream.h"

#include <stdbool.h>
#include <stddef.h>

struct batch;

/* All of this stays the caller's, and must outlive the batch. */
struct batch_settings {
    struct replay_rules *rules;
    struct snapshot *snapshot;   /* NULL: the letters are from a file */
    struct publisher *publisher; /* for what is sent */
    struct audit *audit;         /* or NULL */
    long rate;                   /* letters that are sent a second, at most; 0 for no limit */
};

struct batch *batch_new(const struct batch_settings *settings);

/* NULL is harmless. */
void batch_free(struct batch *batch);

/*
 * Takes letters from the snapshot, and holds those that it wants; the others stay in the queue.
 * *count is how many were taken: 0 once no more are to come. Codes as of snapshot_take().
 */
enum exit_code batch_fill(struct batch *batch, size_t *count);

/* Adds what was read from a file, as replay_of_piece() does; there must be room. */
bool batch_has_room(const struct batch *batch);
void batch_add(struct batch *batch, const struct json_piece *piece);

/* The letters that it holds. */
size_t batch_count(const struct batch *batch);

/*
 * Prints the letters as envelopes, with how the ledger says that their orders have ended. They stay
 * where they are.
 */
enum exit_code batch_list(struct batch *batch);

/* Counts them. They stay where they are. */
void batch_sum_up(struct batch *batch, struct summary *summary);

/* Prints them as batch_list() does, and removes them. */
enum exit_code batch_take(struct batch *batch);

/* Considers them by the rules, does what comes of that, and prints the fate of each. */
enum exit_code batch_replay(struct batch *batch);

/*
 * Publishes letters from a file, and prints the fate of each: left, if a stop is asked for and
 * there is a rate.
 */
enum exit_code batch_restore(struct batch *batch);

/* Prints letters from a file as left, for that reason. */
enum exit_code batch_give_up(struct batch *batch, const char *reason);

/*
 * Reports how many letters were to stay, but had come back as often as the queue's delivery limit
 * allows. The next return would have removed them: so they were parked. Where letters are not to be
 * parked, or only looked at, or the parking queue did not take them, the broker removes them.
 */
void batch_report_spent(const struct batch *batch);

/*
 * Of all that was handled: EXIT_REFUSED if something was refused, or left though it was to be sent;
 * otherwise EXIT_INPUT if a piece was no letter.
 */
enum exit_code batch_verdict(const struct batch *batch);

#endif
