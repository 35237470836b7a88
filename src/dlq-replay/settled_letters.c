#include "settled_letters.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

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
