#include "recall.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024 /* a power of two, like all that follow */

struct entry {
    struct fingerprint fingerprint;
    uint32_t counts[RECALL_GONE + 1];
    bool is_used;
};

/* A hash table with open addressing, half full at most. */
struct recall {
    struct entry *entries;
    size_t capacity;
    size_t used;
    size_t counts[RECALL_GONE + 1];
};

struct recall *recall_new(void)
{
    return xcalloc(1, sizeof(struct recall));
}

void recall_free(struct recall *recall)
{
    if (recall == NULL)
        return;
    free(recall->entries);
    free(recall);
}

/* Returns the entry of a fingerprint, or the free one that it would get. */
static struct entry *find(const struct recall *recall, const struct fingerprint *fingerprint)
{
    size_t at = (size_t)fingerprint->half[0] & (recall->capacity - 1);

    while (recall->entries[at].is_used &&
           memcmp(&recall->entries[at].fingerprint, fingerprint, sizeof *fingerprint) != 0)
        at = (at + 1) & (recall->capacity - 1);
    return &recall->entries[at];
}

static void grow(struct recall *recall)
{
    struct entry *old = recall->entries;
    size_t old_capacity = recall->capacity;

    recall->capacity = old_capacity == 0 ? FIRST_CAPACITY : 2 * old_capacity;
    recall->entries = xcalloc(recall->capacity, sizeof *recall->entries);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].is_used)
            *find(recall, &old[i].fingerprint) = old[i];
    free(old);
}

void recall_add(struct recall *recall, const struct fingerprint *fingerprint, enum recalled what)
{
    struct entry *entry;

    if (2 * recall->used >= recall->capacity)
        grow(recall);
    entry = find(recall, fingerprint);
    if (!entry->is_used) {
        entry->is_used = true;
        entry->fingerprint = *fingerprint;
        recall->used++;
    }
    entry->counts[what]++;
    recall->counts[what]++;
}

enum recalled recall_take(struct recall *recall, const struct fingerprint *fingerprint)
{
    static const enum recalled order[] = {RECALL_KEPT, RECALL_NEW, RECALL_GONE};
    struct entry *entry;

    if (recall->used == 0)
        return RECALL_NEW;
    entry = find(recall, fingerprint);
    for (size_t i = 0; entry->is_used && i < sizeof order / sizeof order[0]; i++)
        if (entry->counts[order[i]] > 0) {
            entry->counts[order[i]]--;
            recall->counts[order[i]]--;
            return order[i];
        }
    return RECALL_NEW;
}

void recall_merge(struct recall *recall, const struct recall *other)
{
    for (size_t i = 0; i < other->capacity; i++)
        for (size_t what = 0; other->entries[i].is_used && what <= RECALL_GONE; what++)
            for (uint32_t n = other->entries[i].counts[what]; n > 0; n--)
                recall_add(recall, &other->entries[i].fingerprint, (enum recalled)what);
}

size_t recall_count(const struct recall *recall, enum recalled what)
{
    return recall->counts[what];
}

void recall_forget_gone(struct recall *recall)
{
    for (size_t i = 0; i < recall->capacity; i++)
        recall->entries[i].counts[RECALL_GONE] = 0;
    recall->counts[RECALL_GONE] = 0;
}

/* ---- letters in their order ---- */

void settled_letters_add(struct settled_letters *settled, const struct fingerprint *letter)
{
    if (settled->first > 0 && 2 * settled->first >= settled->capacity) {
        memmove(settled->letters, settled->letters + settled->first,
                settled->count * sizeof *letter);
        settled->first = 0;
    }
    if (settled->first + settled->count == settled->capacity) {
        settled->capacity = settled->capacity == 0 ? 512 : 2 * settled->capacity;
        settled->letters = xrealloc(settled->letters, settled->capacity * sizeof *letter);
    }
    settled->letters[settled->first + settled->count++] = *letter;
}

size_t settled_letters_keep_newest(struct settled_letters *settled, size_t count)
{
    size_t forgotten = settled->count > count ? settled->count - count : 0;

    settled->first += forgotten;
    settled->count -= forgotten;
    return forgotten;
}

void settled_letters_move(struct settled_letters *settled, struct recall *recall,
                          enum recalled what)
{
    for (size_t i = 0; i < settled->count; i++)
        recall_add(recall, &settled->letters[settled->first + i], what);
    settled->first = 0;
    settled->count = 0;
}

void settled_letters_free(struct settled_letters *settled)
{
    free(settled->letters);
    *settled = (struct settled_letters){0};
}
