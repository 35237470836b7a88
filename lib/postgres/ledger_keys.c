#include "postgres/ledger_keys.h"

#include "base/memory.h"

#include <stdbool.h>

#define FIRST_SIZE 64

void ledger_keys_add(struct ledger_keys *keys, int64_t key)
{
    if (keys->count == keys->size) {
        keys->size = keys->size == 0 ? FIRST_SIZE : 2 * keys->size;
        keys->keys = xrealloc(keys->keys, keys->size * sizeof *keys->keys);
    }
    keys->keys[keys->count++] = key;
}

static bool has(const struct ledger_keys *keys, int64_t key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i] == key)
            return true;
    return false;
}

void ledger_keys_remove(struct ledger_keys *keys, const struct ledger_keys *others)
{
    size_t left = 0;

    for (size_t i = 0; i < keys->count; i++)
        if (!has(others, keys->keys[i]))
            keys->keys[left++] = keys->keys[i];
    keys->count = left;
}

void ledger_keys_join(struct ledger_keys *keys, const struct ledger_keys *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (!has(keys, others->keys[i]))
            ledger_keys_add(keys, others->keys[i]);
}

void ledger_keys_array(const struct ledger_keys *keys, struct array *array)
{
    array_start(array, ARRAY_INT);
    for (size_t i = 0; i < keys->count; i++)
        array_int(array, keys->keys[i]);
}
