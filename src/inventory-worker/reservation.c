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

/* Returns the quantities that an order wants, each sku once and sorted, to be freed with free(). */
static struct order_item *sum_by_sku(const struct order *order, size_t *count)
{
    struct order_item *wanted = xcalloc(order->item_count, sizeof *wanted);
    size_t n = 0;

    memcpy(wanted, order->items, order->item_count * sizeof *wanted);
    qsort(wanted, order->item_count, sizeof *wanted, by_sku);
    for (size_t i = 0; i < order->item_count; i++) {
        /* At most 1000 items of a million each: no overflow. */
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
            reservation->failure = FAILURE_QUANTITY;
            return false;
        }
    }
    return true;
}

/* Returns whether enough is on hand of every sku that has a level, and each has one if is_strict.
 * Moves those skus to the front of wanted; reservation->move_count says how many. */
static bool is_on_hand(struct order_item *wanted, size_t count, bool is_strict,
                       const struct levels *levels, struct reservation *reservation)
{
    for (size_t i = 0; i < count; i++) {
        const struct ledger_level *level = levels_find(levels, wanted[i].sku);

        if (level == NULL && is_strict) {
            (void)snprintf(reservation->reason, sizeof reservation->reason,
                           "sku '%s': no stock level", wanted[i].sku);
            reservation->failure = FAILURE_LEVEL;
            return false;
        }
        if (level == NULL)
            continue;
        if (level->on_hand < wanted[i].qty) {
            (void)snprintf(reservation->reason, sizeof reservation->reason,
                           "sku '%s': wanted %d, available %" PRId64, wanted[i].sku, wanted[i].qty,
                           level->on_hand);
            reservation->failure = FAILURE_STOCK;
            return false;
        }
        wanted[reservation->move_count++] = wanted[i];
    }
    return true;
}

void reservation_refuse(struct reservation *reservation)
{
    reservation->outcome = LEDGER_FAILED;
    reservation->failure = FAILURE_CANCELLED;
    reservation->moves = NULL;
    reservation->move_count = 0;
    (void)snprintf(reservation->reason, sizeof reservation->reason, "cancelled");
}

void reservation_decide(const struct order *order, const struct reservation_rule *rule,
                        const struct levels *levels, struct reservation *reservation)
{
    size_t count;

    reservation->outcome = LEDGER_RESERVED;
    reservation->moves = NULL;
    reservation->move_count = 0;
    if (!within_limit(order, rule->max_qty, reservation)) {
        reservation->outcome = LEDGER_FAILED;
    } else if (levels->any || rule->is_strict) {
        reservation->moves = sum_by_sku(order, &count);
        if (!is_on_hand(reservation->moves, count, rule->is_strict, levels, reservation)) {
            reservation->outcome = LEDGER_FAILED;
            reservation->move_count = 0;
        }
    }
}

void reservation_free(struct reservation *reservation)
{
    free(reservation->moves);
    reservation->moves = NULL;
}
