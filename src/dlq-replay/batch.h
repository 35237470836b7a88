/*
 * batch: up to 256 letters that are handled together.
 *
 * A batch is filled, from a snapshot of the queue or piece by piece from a file, and then handled
 * by a function of replay.h, list.h, summary.h or restore.h, which leaves it empty. First, a letter
 * that is sent is published, and the broker's confirm awaited; one that is taken is written to
 * standard output, and synced if that is a file. Second, the audit records it. Third, the letter is
 * acknowledged. Killed in between, it is in both places, and never in none.
 *
 * Letters are not held for longer than about a second before something is done with them: if a
 * filter, or the reader of what is taken, is slower than that, a batch is handled in parts.
 *
 * An exit code other than EXIT_OK was reported. Letters that were not removed by then stay in the
 * queue; those that were confirmed by then are removed all the same.
 */
#ifndef DLQ_REPLAY_BATCH_H
#define DLQ_REPLAY_BATCH_H

#include "audit.h"
#include "decision.h"
#include "rules.h"
#include "snapshot.h"

#include "amqp/publisher.h"
#include "base/report.h"
#include "message/send_spans.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_MAX 256

/* All of this stays the caller's, and must outlive the batch. */
struct batch_settings {
    struct replay_rules *rules;
    struct snapshot *snapshot;   /* NULL: the letters are from a file */
    struct publisher *publisher; /* of what is sent */
    struct audit *audit;         /* or NULL */
    long rate;                   /* letters that are sent a second, at most; 0: no limit */
};

/* The letters at hand are decisions[first..count); the current part ends at end. */
struct batch {
    struct batch_settings settings;
    struct decision decisions[BATCH_MAX];
    size_t first;
    size_t end;
    size_t count;
    bool some_wrong;     /* some letter was refused, or left though it was to be sent */
    size_t not_taken;    /* letters that were left, since the broker cannot take them for now */
    size_t sent_enough;  /* letters that were left, since they were sent back max_replays times */
    bool some_bad_input; /* something in a file is not an envelope */
    struct send_spans spans; /* of letters that are on their way */
    int64_t paced_ms; /* private to send.c: when the first of these was due at settings.rate, */
    int64_t paced;    /* and how many were sent since then */
    size_t parked;    /* letters that park_if_spent() has parked, */
    size_t spent;     /* and those that it could not save */
};

/* Returns an empty batch. The caller frees it with batch_free(). */
struct batch *batch_new(const struct batch_settings *settings);

/* Frees batch, which may be NULL. */
void batch_free(struct batch *batch);

/* Takes letters from the snapshot, and holds those that are selected; the others stay in the queue.
 * *count is how many were taken: 0 once there are no more. Returns as snapshot_take(). */
enum exit_code batch_fill(struct batch *batch, size_t *count);

/* Returns whether batch_add() may be called. */
bool batch_has_room(const struct batch *batch);

/* Adds a letter from a file. There must be room. Returns its decision, on which the caller must
 * call decision_start(); the batch frees it. */
struct decision *batch_add(struct batch *batch);

/* Takes back the letter that batch_add() has added last, which is not meant; frees it. */
void batch_take_back(struct batch *batch);

/* Returns how many letters it holds. */
size_t batch_count(const struct batch *batch);

/* Ends the current part with the letter at index if a second has gone by since since_ms, a time by
 * clock_monotonic_ms(). */
void batch_end_part(struct batch *batch, size_t index, int64_t since_ms);

/* Leaves all letters in the queue: nothing is to be done with them. The batch is empty then. */
void batch_leave(struct batch *batch);

/*
 * Ends the current part, of which every letter has its final decision: records them in the audit,
 * removes the letters that are elsewhere now, and prints their fates if prints is true. code is how
 * the work has gone so far: it is returned unless it is EXIT_OK; otherwise the code of the audit or
 * of the output.
 */
enum exit_code batch_conclude(struct batch *batch, enum exit_code code, bool prints);

/*
 * Reports how many letters were left, since the broker cannot take them for now. Returns
 * EXIT_REFUSED if some letter was refused, or left for good though it was to be sent; otherwise
 * EXIT_UNREACHABLE if some were not taken for now; otherwise EXIT_INPUT if something in a file was
 * not an envelope; otherwise EXIT_OK.
 */
enum exit_code batch_verdict(const struct batch *batch);

#endif
