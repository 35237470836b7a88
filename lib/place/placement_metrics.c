#include "place/placement_metrics.h"

#include "base/clock.h"
#include "place/placement_private.h"

static int64_t outbox_age_ms(struct placement *placement)
{
    const struct receipt *oldest = receipts_oldest(placement->receipts);

    return oldest == NULL || oldest->stored_us == 0
               ? 0
               : (clock_monotonic_us() - oldest->stored_us) / 1000;
}

void placement_print_metrics(struct placement *placement, const struct metrics_text *text)
{
    metrics_histogram(text, "batch_orders", "Orders that were stored together.",
                      &placement->batches);
    metrics_histogram(text, "store_seconds", "How long it took to store a batch of orders.",
                      &placement->stored);
    metrics_histogram(text, "confirm_seconds",
                      "From storing an order to the broker's confirm, if that came in time.",
                      &placement->dispatch.confirmed);
    metrics_gauge(text, "orders_in_flight",
                  "Orders that are published, and that the broker has not answered yet.",
                  (int64_t)publisher_pending(placement->dispatch.publisher));
    metrics_gauge(text, "outbox_orders", "Orders that are stored, and have no receipt yet.",
                  (int64_t)receipts_waiting(placement->receipts));
    metrics_gauge_ms(text, "outbox_age_seconds",
                     "Since the oldest of them was stored, if this run stored it.",
                     outbox_age_ms(placement));
}
