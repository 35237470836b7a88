/*
 * batch: orders that were taken together: to be stored in one commit, and then published.
 */
#ifndef PLACE_BATCH_H
#define PLACE_BATCH_H

#include "json/stream.h"
#include "order/order.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_MAX 500

/* An order of a batch, beside what is stored of it. */
struct candidate {
    char *raw; /* as it came, if its id was not minted here: it may be refused later */
    size_t raw_len;
    char *event;
    uint64_t number;  /* of the value in the input */
    uint64_t line;    /* of the input, on which it starts */
    bool publish;     /* set by the caller, like receipt */
    uint64_t receipt; /* its number, if publish */
};

/* Zeroed, it is empty. */
struct batch {
    struct candidate candidates[BATCH_MAX];
    struct stored_order orders[BATCH_MAX]; /* the same ones, as they are stored */
    size_t count;
    size_t bytes;
};

/* Returns whether the batch can take one more order. */
bool batch_has_room(const struct batch *batch);

/* Adds an order, which was read from piece, with its event. id names it; NULL for its own order_id
 * or, if it has none, a new one. Its event carries the context trace, which may be NULL. There must
 * be room. Copies what it needs of all four. */
void batch_add(struct batch *batch, const struct order *order, const unsigned char *id,
               const char *trace, const struct json_piece *piece);

/* Returns whether the caller has set publish for some order. */
bool batch_some_to_publish(const struct batch *batch);

/* Empties the batch, and frees what it holds. */
void batch_clear(struct batch *batch);

/* Returns the event of an order that was stored before, with the time of then; to be freed with
 * free(). */
char *batch_stored_event(const struct stored_order *stored);

#endif
