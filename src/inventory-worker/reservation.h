/*
 * reservation: the rule by which an order is reserved or fails.
 *
 * An item of more than max_qty units fails the order; so does a sku that has a stock level with too
 * few units on hand for all items of that sku; and, if the rule is strict, a sku without a level.
 * An order reserves all of its items or none.
 */
#ifndef INVENTORY_WORKER_RESERVATION_H
#define INVENTORY_WORKER_RESERVATION_H

#include "order/order.h"
#include "stock/levels.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>

struct reservation_rule {
    int max_qty;
    bool is_strict;
};

struct reservation {
    enum ledger_outcome outcome;
    char reason[ORDER_MAX_TEXT + 128]; /* if LEDGER_FAILED */
    /* If LEDGER_RESERVED, what is to be moved from on hand to reserved: of each sku with a level,
     * so many. sku is the order's. */
    struct order_item *moves;
    size_t move_count;
};

/* Decides an order, whose skus must be among levels. Changes nothing but *reservation, which is
 * freed with reservation_free(). */
void reservation_decide(const struct order *order, const struct reservation_rule *rule,
                        const struct levels *levels, struct reservation *reservation);

/* Fails an order for a reason that is no rule's. */
void reservation_refuse(struct reservation *reservation, const char *reason);

void reservation_free(struct reservation *reservation);

#endif
