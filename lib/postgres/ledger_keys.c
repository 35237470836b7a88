#include "postgres/ledger_keys.h"

#include "base/memory.h"

#include <stdlib.h>

#define FIRST_SIZE 64

void ledger_keys_add(struct ledger_keys *keys, int64_t key)
{
    if (keys->count == keys->size) {
        keys->size = keys->size == 0 ? FIRST_SIZE : 2 * keys->size;
        keys->keys = xrealloc(keys->keys, keys->size * sizeof *keys->keys);
    }
    keys->keys[keys->count++] = key;
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;

    return (*a > *b) - (*a < *b);
}

void ledger_keys_remove(struct ledger_keys *keys, struct ledger_keys *others)
{
    size_t left = 0;

    /* Nearly always nothing is in doubt. */
    if (keys->count == 0 || others->count == 0)
        return;
    qsort(others->keys, others->count, sizeof *others->keys, compare);
    for (size_t i = 0; i < keys->count; i++)
        if (bsearch(&keys->keys[i], others->keys, others->count, sizeof *others->keys, compare) ==
            NULL)
            keys->keys[left++] = keys->keys[i];
    keys->count = left;
}

void ledger_keys_join(struct ledger_keys *keys, struct ledger_keys *others)
{
    ledger_keys_remove(keys, others);
    for (size_t i = 0; i < others->count; i++)
        ledger_keys_add(keys, others->keys[i]);
}

void ledger_keys_array(const struct ledger_keys *keys, struct array *array)
{
    array_start(array, ARRAY_INT);
    for (size_t i = 0; i < keys->count; i++)
        array_int(array, keys->keys[i]);
}
