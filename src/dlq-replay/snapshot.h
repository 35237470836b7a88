/*
 * snapshot: the dead letters that are in a queue at the start, and none that arrive later: a letter
 * that comes straight back is not handled for ever.
 *
 * They are handed out a batch at a time, and the caller settles each with snapshot_remove(),
 * snapshot_remove_alone(), snapshot_keep() or snapshot_give_up(), which also free the delivery. If
 * the connection is lost, or the broker closes the channel, every letter whose removal the broker
 * has not seen comes again. One that was handled is then not handed out a second time, but settled
 * as before.
 */
#ifndef DLQ_REPLAY_SNAPSHOT_H
#define DLQ_REPLAY_SNAPSHOT_H

#include "dead_letter.h"
#include "selection.h"

#include "amqp/broker_options.h"
#include "amqp/consumer.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

struct snapshot;

struct snapshot_settings {
    const char *queue;
    enum exit_code (*declare)(struct connection *connection); /* as in consumer.h */
    const struct selection *selection;                        /* which letters are wanted, */
    size_t limit;     /* and how many of them at most; SIZE_MAX: all */
    size_t prefetch;  /* letters that are handed out ahead of the work at first: prefetch.h */
    const char *once; /* names a result ("list") that a lost connection makes incomplete; NULL: the
                         work continues on another connection */
};

/* Returns a snapshot that is to be opened with snapshot_open(). options, and everything that
 * settings point to, must outlive it. The caller frees it with snapshot_free(). */
struct snapshot *snapshot_new(const struct broker_options *options,
                              const struct snapshot_settings *settings);

/*
 * For a queue with a delivery limit: avoids, at the cost of speed, taking letters that would go
 * back unhandled, since the broker counts each return. See prefetch_spare(). To be called before
 * snapshot_open().
 */
void snapshot_spare(struct snapshot *snapshot);

/* Frees snapshot, which may be NULL. Letters that were not removed stay in the queue. */
void snapshot_free(struct snapshot *snapshot);

/* Connects, and counts the letters in the queue; after snapshot_finish() it begins again with those
 * that are left. Returns EXIT_OK, or what connection_open() returns. */
enum exit_code snapshot_open(struct snapshot *snapshot);

/*
 * Hands out the next letters, at most max, selected or not. *count is 0 once all were handed out,
 * or as many as are wanted; if a stop is asked for; or if the rest does not arrive, which is
 * reported. Returns EXIT_OK, or what connection_open() returns. With settings.once it also returns
 * EXIT_UNREACHABLE, reported, for a lost connection and for a rest that does not arrive.
 */
enum exit_code snapshot_take(struct snapshot *snapshot, struct delivery **batch, size_t max,
                             size_t *count);

/* Returns whether a letter that was handed out is selected and within the limit, and if so counts
 * it against the limit: call it once for each letter. */
bool snapshot_wants(struct snapshot *snapshot, struct dead_letter *letter);

/* Leaves a letter in the queue. */
void snapshot_keep(struct snapshot *snapshot, struct delivery *delivery);

/* Removes letters from the queue. All that were handed out before them must be settled. */
void snapshot_remove(struct snapshot *snapshot, struct delivery **batch, size_t count);

/* Removes one letter from the queue. */
void snapshot_remove_alone(struct snapshot *snapshot, struct delivery *delivery);

/* Returns whether the connection is lost on which a letter came. */
bool snapshot_is_lost(const struct snapshot *snapshot, const struct delivery *delivery);

/* Gives up a letter that is wanted and not handled, since its connection is lost: it is handed out
 * again when it comes. */
void snapshot_give_up(struct snapshot *snapshot, struct delivery *delivery);

/* Adapts, between two batches, how many letters are handed out ahead, as snapshot_take() does. */
void snapshot_adapt(struct snapshot *snapshot);

/* Calls progress_set() with how many of the letters were handed out. */
void snapshot_show_progress(const struct snapshot *snapshot);

/* Closes the connection. Returns false if the broker may not have seen all removals: then the
 * snapshot is to be opened again. */
bool snapshot_finish(struct snapshot *snapshot);

/* Returns how many removals the broker may not have seen: at most so many letters come again. */
size_t snapshot_unsure(const struct snapshot *snapshot);

#endif
