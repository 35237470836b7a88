/*
 * ledger_keys: the keys of entries in the ledger, that a decision has claimed.
 */
#ifndef POSTGRES_LEDGER_KEYS_H
#define POSTGRES_LEDGER_KEYS_H

#include "postgres/array.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed, it is empty; emptied by count = 0. keys is freed with free(). */
struct ledger_keys {
    int64_t *keys;
    size_t count;
    size_t size;
};

/* Adds a key. */
void ledger_keys_add(struct ledger_keys *keys, int64_t key);

/* Removes from keys all that are in others, which may be sorted by that. */
void ledger_keys_remove(struct ledger_keys *keys, struct ledger_keys *others);

/* Adds to keys all that are in others, each once. others may be sorted by that. */
void ledger_keys_join(struct ledger_keys *keys, struct ledger_keys *others);

/* Fills the array with the keys. */
void ledger_keys_array(const struct ledger_keys *keys, struct array *array);

#endif
