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

/* Why an order fails. */
enum failure {
    FAILURE_UNKNOWN,   /* another run has decided it */
    FAILURE_QUANTITY,  /* more than max_qty of an item */
    FAILURE_STOCK,     /* too few units on hand */
    FAILURE_LEVEL,     /* a sku without a stock level */
    FAILURE_CANCELLED, /* it was cancelled before it came */
    FAILURE_COUNT
};

struct reservation {
    enum ledger_outcome outcome;
    enum failure failure;              /* if LEDGER_FAILED, and */
    char reason[ORDER_MAX_TEXT + 128]; /* in words */
    /* If LEDGER_RESERVED, what is to be moved from on hand to reserved: of each sku with a level,
     * so many. sku is the order's. */
    struct order_item *moves;
    size_t move_count;
};

/* Decides an order, whose skus must be among levels. Changes nothing but *reservation, which is
 * freed with reservation_free(). */
void reservation_decide(const struct order *order, const struct reservation_rule *rule,
                        const struct levels *levels, struct reservation *reservation);

/* Fails an order because it was cancelled. */
void reservation_refuse(struct reservation *reservation);

void reservation_free(struct reservation *reservation);

#endif
