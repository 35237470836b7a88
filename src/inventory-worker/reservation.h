/*
 * reservation: the rule by which an order is reserved or fails.
 *
 * An item of more than max_qty fails the order; so does a sku that has a stock level with too
 * little on hand. An order reserves all of its items or none.
 */
#ifndef INVENTORY_WORKER_RESERVATION_H
#define INVENTORY_WORKER_RESERVATION_H

#include "base/report.h"
#include "order/order.h"
#include "store/ledger.h"

#include <stdbool.h>

struct reservation {
    bool reserved;
    char reason[ORDER_MAX_TEXT + 128]; /* if not */
};

/*
 * Decides, and moves the stock if the order is reserved. To be called within a transaction of the
 * ledger, which may be rolled back afterwards. EXIT_STORE, reported, if the ledger cannot be read
 * or written.
 */
enum exit_code reservation_make(struct ledger *ledger, const struct order *order, int max_qty,
                                struct reservation *reservation);

#endif
