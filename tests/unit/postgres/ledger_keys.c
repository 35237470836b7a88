#include "postgres/ledger_keys.h"

#include "unit.h"

#include <stdlib.h>

static void fill(struct ledger_keys *keys, const int64_t *from, size_t count)
{
    keys->count = 0;
    for (size_t i = 0; i < count; i++)
        ledger_keys_add(keys, from[i]);
}

static void check(const struct ledger_keys *keys, const int64_t *wanted, size_t count)
{
    if (!EQUAL(keys->count, count))
        return;
    for (size_t i = 0; i < count; i++)
        EQUAL(keys->keys[i], wanted[i]);
}

static void remove_some(void)
{
    struct ledger_keys keys = {0};
    struct ledger_keys others = {0};

    fill(&keys, (int64_t[]){7, 1, 9, 3}, 4);
    ledger_keys_remove(&keys, &others);
    check(&keys, (int64_t[]){7, 1, 9, 3}, 4);
    fill(&others, (int64_t[]){9, 8, 7}, 3);
    ledger_keys_remove(&keys, &others);
    check(&keys, (int64_t[]){1, 3}, 2);
    fill(&others, (int64_t[]){3, 1}, 2);
    ledger_keys_remove(&keys, &others);
    check(&keys, NULL, 0);
    ledger_keys_remove(&keys, &others);
    check(&keys, NULL, 0);
    free(keys.keys);
    free(others.keys);
}

static void join_once(void)
{
    struct ledger_keys keys = {0};
    struct ledger_keys others = {0};

    fill(&others, (int64_t[]){5, 4}, 2);
    ledger_keys_join(&keys, &others);
    check(&keys, (int64_t[]){5, 4}, 2);
    fill(&others, (int64_t[]){4, 6}, 2);
    ledger_keys_join(&keys, &others);
    check(&keys, (int64_t[]){5, 4, 6}, 3);
    free(keys.keys);
    free(others.keys);
}

static void grow(void)
{
    struct ledger_keys keys = {0};
    struct array array = {0};

    for (int64_t i = 0; i < 1000; i++)
        ledger_keys_add(&keys, i);
    EQUAL(keys.count, 1000);
    EQUAL(keys.keys[999], 999);
    ledger_keys_array(&keys, &array);
    EQUAL(array.count, 1000);
    array_free(&array);
    free(keys.keys);
}

int main(void)
{
    RUN(remove_some);
    RUN(join_once);
    RUN(grow);
    return unit_end();
}
