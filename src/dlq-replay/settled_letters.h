/*
 * settled_letters: letters in the order in which they were settled on a connection.
 */
#ifndef DLQ_REPLAY_SETTLED_LETTERS_H
#define DLQ_REPLAY_SETTLED_LETTERS_H

#include "fingerprint.h"
#include "recall.h"

#include <stddef.h>

/* All zero: empty. */
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
