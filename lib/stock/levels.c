#include "stock/levels.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

void levels_free(struct levels *levels)
{
    levels_clear(levels);
    free(levels->all);
    free(levels->slots);
}

void levels_doubt(struct levels *levels)
{
    levels->read = 0;
    levels->any = false;
}

void levels_clear(struct levels *levels)
{
    for (size_t i = 0; i < levels->count; i++)
        free((char *)levels->all[i].sku);
    if (levels->count > 0)
        memset(levels->slots, 0, (levels->slot_mask + 1) * sizeof *levels->slots);
    levels->count = 0;
    levels_doubt(levels);
}

/* Returns the slot that holds a sku or, if none does, the free one where it belongs. The hash is
 * FNV-1a. */
static size_t *slot_of(const struct levels *levels, const char *sku)
{
    uint32_t hash = 2166136261U;
    size_t at;

    for (const char *byte = sku; *byte != '\0'; byte++)
        hash = (hash ^ (unsigned char)*byte) * 16777619U;
    at = hash & levels->slot_mask;
    while (levels->slots[at] != 0 && strcmp(levels->all[levels->slots[at] - 1].sku, sku) != 0)
        at = (at + 1) & levels->slot_mask;
    return &levels->slots[at];
}

static void grow(struct levels *levels)
{
    levels->capacity = levels->capacity == 0 ? FIRST_CAPACITY : 2 * levels->capacity;
    levels->all = xrealloc(levels->all, levels->capacity * sizeof *levels->all);
    free(levels->slots);
    /* At most half of the slots are used. */
    levels->slots = xcalloc(2 * levels->capacity, sizeof *levels->slots);
    levels->slot_mask = 2 * levels->capacity - 1;
    for (size_t i = 0; i < levels->count; i++)
        *slot_of(levels, levels->all[i].sku) = i + 1;
}

void levels_add(struct levels *levels, const char *sku)
{
    size_t *slot;

    if (levels->count == levels->capacity)
        grow(levels);
    slot = slot_of(levels, sku);
    if (*slot != 0)
        return;
    levels->all[levels->count] = (struct ledger_level){.sku = xstrdup(sku)};
    *slot = ++levels->count;
}

enum exit_code levels_read(struct levels *levels, struct ledger *ledger)
{
    enum exit_code code = EXIT_OK;

    if (levels->read < levels->count)
        code = ledger->operations->levels(ledger, levels->all + levels->read,
                                          levels->count - levels->read);
    for (; code == EXIT_OK && levels->read < levels->count; levels->read++)
        levels->any = levels->any || levels->all[levels->read].is_limited;
    return code;
}

struct ledger_level *levels_find(const struct levels *levels, const char *sku)
{
    size_t index;

    if (!levels->any)
        return NULL;
    index = *slot_of(levels, sku);
    return index > 0 && levels->all[index - 1].is_limited ? &levels->all[index - 1] : NULL;
}

void levels_move(struct levels *levels, const char *sku, int quantity)
{
    struct ledger_level *level = levels_find(levels, sku);

    level->on_hand -= quantity;
    level->reserved += quantity;
    level->moved += quantity;
}

void levels_give_back(struct levels *levels, const struct order_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (levels_find(levels, items[i].sku) != NULL)
            levels_move(levels, items[i].sku, -items[i].qty);
}

void levels_hand_over(struct levels *levels, const struct order_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ledger_level *level = levels_find(levels, items[i].sku);

        if (level == NULL)
            continue;
        level->reserved -= items[i].qty;
        level->handed += items[i].qty;
    }
}
