#include "placings.h"

#include <string.h>

void placings_append(struct placings *list, struct placing *placing)
{
    placing->list = list;
    placing->next = NULL;
    placing->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = placing;
    list->last = placing;
}

void placings_prepend(struct placings *list, struct placing *placing)
{
    placing->list = list;
    placing->previous = NULL;
    placing->next = list->first;
    *(list->first == NULL ? &list->last : &list->first->previous) = placing;
    list->first = placing;
}

void placings_take_out(struct placing *placing)
{
    struct placings *list = placing->list;

    *(placing->previous == NULL ? &list->first : &placing->previous->next) = placing->next;
    *(placing->next == NULL ? &list->last : &placing->next->previous) = placing->previous;
}

struct placing *placings_find(const struct placings *list, uint64_t number)
{
    struct placing *placing = list->first;

    while (placing != NULL && placing->request->number != number)
        placing = placing->next;
    return placing;
}

bool placings_have_id(const struct placings *list, const unsigned char id[UUID_BYTES])
{
    for (const struct placing *each = list->first; each != NULL; each = each->next)
        if (each->by_key && memcmp(each->id, id, UUID_BYTES) == 0)
            return true;
    return false;
}
