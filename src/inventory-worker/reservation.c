#include "reservation.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_sku(const void *a, const void *b)
{
    const struct order_item *left = a;
    const struct order_item *right = b;

    return strcmp(left->sku, right->sku);
}

/* What an order wants of each sku, each sku once. To be freed. */
static struct order_item *sum_by_sku(const struct order *order, size_t *count)
{
    struct order_item *wanted = xcalloc(order->item_count, sizeof *wanted);
    size_t n = 0;

    memcpy(wanted, order->items, order->item_count * sizeof *wanted);
    qsort(wanted, order->item_count, sizeof *wanted, by_sku);
    for (size_t i = 0; i < order->item_count; i++) {
        /* 1000 items of a million each at most: no int overflows. */
        if (n > 0 && strcmp(wanted[n - 1].sku, wanted[i].sku) == 0)
            wanted[n - 1].qty += wanted[i].qty;
        else
            wanted[n++] = wanted[i];
    }
    *count = n;
    return wanted;
}

static bool within_limit(const struct order *order, int max_qty, struct reservation *reservation)
{
    for (size_t i = 0; i < order->item_count; i++) {
        if (order->items[i].qty > max_qty) {
            (void)snprintf(reservation->reason, sizeof reservation->reason,
                           "qty %d of sku '%s' is over the limit of %d", order->items[i].qty,
                           order->items[i].sku, max_qty);
            return false;
        }
    }
    return true;
}

static enum exit_code check_stock(struct ledger *ledger, const struct order_item *wanted,
                                  size_t count, struct reservation *reservation)
{
    for (size_t i = 0; i < count; i++) {
        struct stock_level level;
        bool found;
        enum exit_code code = ledger_stock(ledger, wanted[i].sku, &level, &found);

        if (code != EXIT_OK)
            return code;
        if (found && level.on_hand < wanted[i].qty) {
            (void)snprintf(reservation->reason, sizeof reservation->reason,
                           "sku '%s': wanted %d, available %" PRId64, wanted[i].sku, wanted[i].qty,
                           level.on_hand);
            reservation->reserved = false;
            return EXIT_OK;
        }
    }
    return EXIT_OK;
}

static enum exit_code move_stock(struct ledger *ledger, const struct order_item *wanted,
                                 size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = ledger_reserve_stock(ledger, wanted[i].sku, wanted[i].qty);
    return code;
}

enum exit_code reservation_make(struct ledger *ledger, const struct order *order, int max_qty,
                                struct reservation *reservation)
{
    struct order_item *wanted;
    size_t count;
    bool any;
    enum exit_code code;

    reservation->reserved = within_limit(order, max_qty, reservation);
    if (!reservation->reserved)
        return EXIT_OK;
    code = ledger_has_stock(ledger, &any);
    if (code != EXIT_OK || !any)
        return code;
    wanted = sum_by_sku(order, &count);
    code = check_stock(ledger, wanted, count, reservation);
    if (code == EXIT_OK && reservation->reserved)
        code = move_stock(ledger, wanted, count);
    free(wanted);
    return code;
}
