/* placement_metrics: how a placement fares, for Prometheus. */
#ifndef PLACE_PLACEMENT_METRICS_H
#define PLACE_PLACEMENT_METRICS_H

#include "metrics/text.h"
#include "place/placement.h"

/* Writes batch_orders, store_seconds, confirm_seconds, orders_in_flight, outbox_orders and
 * outbox_age_seconds. */
void placement_print_metrics(struct placement *placement, const struct metrics_text *text);

#endif
