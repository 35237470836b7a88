/*
 * backlog: the dead letters that wait in a queue now, and none that come later, so that what comes straight back is not
 * handled for ever.
 *
 * They are handed out a batch at a time, and the caller settles each: removes or keeps it. If the connection is lost,
 * all that was not removed comes again, from the first; of the last removals nobody knows whether the broker has seen
 * them. What is in the queue then is what counts, up to as many letters as there were at the start.
 */
#ifndef BACKLOG_H
#define BACKLOG_H

#include "consumer.h"
#include "letter.h"
#include "link_options.h"
#include "report.h"
#include "selection.h"

#include <stdbool.h>
#include <stddef.h>

struct backlog;

struct backlog_settings {
    const char *queue;
    bool declare;                      /* set up the topology, rather than fail if there is no queue */
    const struct selection *selection; /* which letters are meant, */
    size_t limit;                      /* and how many of them at most; SIZE_MAX: all */
    const char *once; /* what is made of them ("list"), if that cannot begin again; otherwise NULL */
};

/* options, and what the settings point to, must outlive it. */
struct backlog *backlog_new(const struct link_options *options, const struct backlog_settings *settings);

/* What was not removed stays in the queue. NULL is harmless. */
void backlog_free(struct backlog *backlog);

/* Connects, and counts what waits; after backlog_finish() it begins again. EXIT_OK, or what link_open() gives. */
enum exit_code backlog_open(struct backlog *backlog);

/*
 * The next letters, at most max, wanted or not. *count is 0 once all were handed out or as many as are wanted, if a stop
 * is asked for, or, reported, if the rest does not come. Codes as of link_open(); if there is only once, EXIT_UNREACHABLE,
 * reported, for a lost connection and for a rest that does not come.
 */
enum exit_code backlog_take(struct backlog *backlog, struct delivery **batch, size_t max, size_t *count);

/* Is this letter, handed out and not asked about before, meant? If so, it counts. */
bool backlog_wants(struct backlog *backlog, const struct letter *letter);

/* It stays in the queue. */
void backlog_keep(struct backlog *backlog, struct delivery *delivery);

/* They are acknowledged. */
void backlog_remove(struct backlog *backlog, struct delivery **batch, size_t count);

/* progress_set() with how many of how many were handed out. */
void backlog_show_progress(const struct backlog *backlog);

/* Closes the connection. False if the broker may not have seen all that was removed: to be opened again. */
bool backlog_finish(struct backlog *backlog);

#endif
