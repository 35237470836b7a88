/*
 * recall: remembers what was done with letters that may come again.
 *
 * When a connection is lost, every letter comes again whose acknowledgement the broker has not
 * seen. It is found here by its fingerprint, as often as it was added: two letters may be alike.
 */
#ifndef DLQ_REPLAY_RECALL_H
#define DLQ_REPLAY_RECALL_H

#include "fingerprint.h"

#include <stddef.h>

enum recalled {
    RECALL_NEW,  /* not handled */
    RECALL_KEPT, /* handled, and stays in the queue */
    RECALL_GONE  /* handled, and is to be removed from the queue */
};

struct recall;

/* Returns an empty recall. The caller frees it with recall_free(). */
struct recall *recall_new(void);

/* Frees recall, which may be NULL. */
void recall_free(struct recall *recall);

/* Adds a letter that may come again. RECALL_NEW is for one that had arrived and was not handled. */
void recall_add(struct recall *recall, const struct fingerprint *fingerprint, enum recalled what);

/*
 * Takes out a letter that has come again, and returns what was done with it: RECALL_NEW also for
 * one that was not added. Of letters that are alike, those that are kept are taken out first and
 * those that are gone last: if fewer come than were added, none is lost.
 */
enum recalled recall_take(struct recall *recall, const struct fingerprint *fingerprint);

/* Adds all letters of other. */
void recall_merge(struct recall *recall, const struct recall *other);

/* Returns how many letters were added as what, and not taken out. */
size_t recall_count(const struct recall *recall, enum recalled what);

/* Forgets the letters that are gone: they will not come again. */
void recall_forget_gone(struct recall *recall);

/* Letters in the order in which they were settled on a connection. All zero: empty. */
struct settled_letters {
    struct fingerprint *letters; /* private, like the next two */
    size_t capacity;
    size_t first;
    size_t count;
};

/* Adds a letter as the newest. */
void settled_letters_add(struct settled_letters *settled, const struct fingerprint *letter);

/* Forgets the oldest letters until there are only count; returns how many were forgotten. */
size_t settled_letters_keep_newest(struct settled_letters *settled, size_t count);

/* Adds all letters to recall as what, and forgets them. */
void settled_letters_move(struct settled_letters *settled, struct recall *recall,
                          enum recalled what);

/* Forgets all letters, and frees their memory. */
void settled_letters_free(struct settled_letters *settled);

#endif
