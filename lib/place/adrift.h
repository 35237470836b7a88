/*
 * adrift: orders that were told as pending while their messages are still with the publisher: the
 * broker may confirm them yet.
 */
#ifndef PLACE_ADRIFT_H
#define PLACE_ADRIFT_H

#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct adrift_order {
    uint64_t receipt; /* its number: the cookie of the message */
    int64_t key;      /* of the order in the store */
    unsigned char id[UUID_BYTES];
};

/* Zeroed, it is empty. */
struct adrift {
    struct adrift_order *orders;
    size_t count;
    size_t size;
    int64_t *confirmed; /* keys of those that were confirmed, and that the store does not know of */
    size_t confirmed_count;
    size_t confirmed_size;
};

/* Frees what *adrift holds. */
void adrift_free(struct adrift *adrift);

/* Adds an order whose message has no result yet. Its receipt must be above those added before. */
void adrift_add(struct adrift *adrift, const struct adrift_order *order);

/* Adds the key of an order that was confirmed. */
void adrift_confirm(struct adrift *adrift, int64_t key);

/* Removes the order of that receipt, and sets *order. Returns false if there is none. */
bool adrift_take(struct adrift *adrift, uint64_t receipt, struct adrift_order *order);

#endif
