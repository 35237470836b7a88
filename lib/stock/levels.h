/*
 * levels: the stock levels that a batch of orders needs, in memory: read from the ledger once for
 * each sku, and changed as orders of the batch are reserved, released or handed over.
 */
#ifndef STOCK_LEVELS_H
#define STOCK_LEVELS_H

#include "base/report.h"
#include "order/order.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>

/* All zero is empty. The fields are read by levels.c, and by whoever commits all. */
struct levels {
    struct ledger_level *all; /* each with a copy of its sku */
    size_t count;
    size_t capacity;
    size_t read;      /* of them, by levels_read() */
    bool any;         /* some sku is limited */
    size_t *slots;    /* a hash table of indexes into all, plus 1; 0: free */
    size_t slot_mask; /* their number, a power of two, less 1; of none 0 */
};

/* Frees what levels holds. */
void levels_free(struct levels *levels);

/* Forgets all skus, for the next batch. */
void levels_clear(struct levels *levels);

/* Makes the next levels_read() read all skus again. */
void levels_doubt(struct levels *levels);

/* Adds a sku, unless it is there. */
void levels_add(struct levels *levels, const char *sku);

/* Reads the levels of all skus added since the last call, within a decision of the ledger. Returns
 * as the ledger's levels(). */
enum exit_code levels_read(struct levels *levels, struct ledger *ledger);

/* Returns the level of a sku if it is there, was read, and is limited; otherwise NULL. */
struct ledger_level *levels_find(const struct levels *levels, const char *sku);

/* Moves quantity units of a sku from on hand to reserved. levels_find() must have found it, with as
 * many on hand. */
void levels_move(struct levels *levels, const char *sku, int quantity);

/* Each moves what an order holds out of reserved: back to what is on hand, or to what was handed
 * over. All skus must have been read; one whose level a person has removed is left out. */
void levels_give_back(struct levels *levels, const struct order_item *items, size_t count);
void levels_hand_over(struct levels *levels, const struct order_item *items, size_t count);

#endif
