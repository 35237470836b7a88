#include "place/adrift.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

void adrift_free(struct adrift *adrift)
{
    free(adrift->orders);
    free(adrift->confirmed);
}

/* Makes room for one more element in an array of count. */
static void *grow(void *array, size_t count, size_t *size, size_t element)
{
    if (count < *size)
        return array;
    *size = *size == 0 ? FIRST_SIZE : 2 * *size;
    return xrealloc(array, *size * element);
}

void adrift_add(struct adrift *adrift, const struct adrift_order *order)
{
    adrift->orders = grow(adrift->orders, adrift->count, &adrift->size, sizeof *adrift->orders);
    adrift->orders[adrift->count++] = *order;
}

void adrift_confirm(struct adrift *adrift, int64_t key)
{
    adrift->confirmed = grow(adrift->confirmed, adrift->confirmed_count, &adrift->confirmed_size,
                             sizeof *adrift->confirmed);
    adrift->confirmed[adrift->confirmed_count++] = key;
}

/* Results come in the order of publishing, so that it is the first one. */
bool adrift_take(struct adrift *adrift, uint64_t receipt, struct adrift_order *order)
{
    if (adrift->count == 0 || adrift->orders[0].receipt != receipt)
        return false;
    *order = adrift->orders[0];
    adrift->count--;
    memmove(adrift->orders, adrift->orders + 1, adrift->count * sizeof *adrift->orders);
    return true;
}
