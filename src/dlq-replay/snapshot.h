/*
 * snapshot: the dead letters that wait in a queue now, and none that come later, so that what comes
 * straight back is not handled for ever.
 *
 * They are handed out a batch at a time, and the caller settles each: removes or keeps it. If the
 * connection is lost, or the broker closes the channel, all that it has not seen removed comes
 * again. What is handled already is then not handed out a second time: it is removed once more, or
 * kept.
 *
 * The broker hands out few letters ahead of the work: as many as are handled in about a second, so
 * that none is in hand longer than brokers are patient (consumer_timeout). Letters that are kept
 * stay in hand until the end, and do not count.
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

/* The most letters that are handed out ahead of the work. */
#define SNAPSHOT_WINDOW 2000

struct snapshot_settings {
    const char *queue;
    enum exit_code (*declare)(struct connection *connection); /* as in consumer.h */
    const struct selection *selection;                        /* which letters are meant, */
    size_t limit;  /* and how many of them at most; SIZE_MAX: all */
    size_t window; /* letters that the broker may hand out ahead at first: 1 to SNAPSHOT_WINDOW */
    const char
        *once; /* what is made of them ("list"), if that ends with the connection; otherwise NULL */
};

/* options, and what the settings point to, must outlive it. */
struct snapshot *snapshot_new(const struct broker_options *options,
                              const struct snapshot_settings *settings);

/*
 * From here on nothing is handed out that is not handled, as far as that can be helped: the broker
 * counts how often a letter comes back, and a subscription that ends while letters are on their way
 * gives those back, too. It costs speed. To be called before snapshot_open().
 */
void snapshot_spare(struct snapshot *snapshot);

/* What was not removed stays in the queue. NULL is harmless. */
void snapshot_free(struct snapshot *snapshot);

/*
 * Connects, and counts what waits; after snapshot_finish() it begins again. EXIT_OK, or what
 * connection_open() gives.
 */
enum exit_code snapshot_open(struct snapshot *snapshot);

/*
 * The next letters, at most max, wanted or not. *count is 0 once all were handed out or as many as
 * are wanted, if a stop is asked for, or, reported, if the rest does not come. Codes as of
 * connection_open(); if there is only once, EXIT_UNREACHABLE, reported, for a lost connection and
 * for a rest that does not come.
 */
enum exit_code snapshot_take(struct snapshot *snapshot, struct delivery **batch, size_t max,
                             size_t *count);

/* Is this letter, handed out and not asked about before, meant? If so, it counts. */
bool snapshot_wants(struct snapshot *snapshot, const struct dead_letter *letter);

/* It stays in the queue. */
void snapshot_keep(struct snapshot *snapshot, struct delivery *delivery);

/* They are acknowledged. No letter that was handed out before them may still be unsettled. */
void snapshot_remove(struct snapshot *snapshot, struct delivery **batch, size_t count);

/* The same of one, whatever was handed out before it. */
void snapshot_remove_alone(struct snapshot *snapshot, struct delivery *delivery);

/*
 * Is the connection lost on which a letter came? One that was wanted and not yet handled is then
 * given up with snapshot_give_up(), and handed out again when it comes.
 */
bool snapshot_is_lost(const struct snapshot *snapshot, const struct delivery *delivery);
void snapshot_give_up(struct snapshot *snapshot, struct delivery *delivery);

/* Makes up, between two batches, how much is to be handed out ahead. snapshot_take() does it, too.
 */
void snapshot_adapt(struct snapshot *snapshot);

/* progress_set() with how many of how many were handed out. */
void snapshot_show_progress(const struct snapshot *snapshot);

/* Closes the connection. False if the broker may not have seen all that was removed: to be opened
 * again. */
bool snapshot_finish(struct snapshot *snapshot);

/*
 * Returns how many letters were removed of which the broker may not have seen it: at most so many
 * come again.
 */
size_t snapshot_unsure(const struct snapshot *snapshot);

#endif
