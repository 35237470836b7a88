/*
 * placings: lists of the requests to place an order that wait for their receipt.
 */
#ifndef ORDER_HTTP_PLACINGS_H
#define ORDER_HTTP_PLACINGS_H

#include "request.h"

#include "base/uuid.h"
#include "order/order.h"

#include <stdbool.h>
#include <stdint.h>

struct placing {
    struct request *request;
    struct order order;           /* until the placement takes it */
    unsigned char id[UUID_BYTES]; /* of the order, if by_key */
    bool by_key;                  /* the request has an Idempotency-Key */
    bool in_batch;                /* taken by the placement, but not known to be stored */
    int64_t asked_ms;             /* monotonic clock, when the request was complete */
    int64_t stored_us;            /* monotonic clock, once it is stored */
    struct placings *list;        /* the one that it is in */
    struct placing *previous;
    struct placing *next;
};

/* Empty if all is zero. */
struct placings {
    struct placing *first;
    struct placing *last;
};

/* Puts a placing that is in no list at the end, or at the beginning. */
void placings_append(struct placings *list, struct placing *placing);
void placings_prepend(struct placings *list, struct placing *placing);

/* Takes a placing out of its list. */
void placings_take_out(struct placing *placing);

/* Returns the placing of the request of that number, or NULL. Looks from the beginning. */
struct placing *placings_find(const struct placings *list, uint64_t number);

/* Returns whether an order of that id is placed by key. */
bool placings_have_id(const struct placings *list, const unsigned char id[UUID_BYTES]);

#endif
