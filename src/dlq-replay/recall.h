/*
 * recall: what was done with letters that may come again.
 *
 * When a connection is lost, all that was not surely acknowledged on it comes again. A letter that
 * comes again is found here by its fingerprint, and once for each time that it was added: there may
 * be two that are alike.
 */
#ifndef DLQ_REPLAY_RECALL_H
#define DLQ_REPLAY_RECALL_H

#include "fingerprint.h"

#include <stddef.h>

enum recalled {
    RECALL_NEW,  /* nothing was done with it */
    RECALL_KEPT, /* it was handled, and stays in the queue */
    RECALL_GONE  /* it was handled, and is to be removed from the queue */
};

struct recall;

struct recall *recall_new(void);

/* NULL is harmless. */
void recall_free(struct recall *recall);

/* Adds a letter that will or may come again. RECALL_NEW is for one that had arrived and was not
 * handled. */
void recall_add(struct recall *recall, const struct fingerprint *fingerprint, enum recalled what);

/*
 * Takes a letter out that has come again. Of letters that are alike, those that are kept come first
 * and those that are gone last: if fewer come than were added, none is lost.
 */
enum recalled recall_take(struct recall *recall, const struct fingerprint *fingerprint);

/* Adds all that is in the other one. */
void recall_merge(struct recall *recall, const struct recall *other);

/* Returns how many of a kind were added and not taken out. */
size_t recall_count(const struct recall *recall, enum recalled what);

/* Forgets those that are gone: they will not come again. */
void recall_forget_gone(struct recall *recall);

#endif
