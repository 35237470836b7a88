/*
 * placement_private: what the files of the placement share. Include placement.h elsewhere.
 *
 *   placement.c       its life, batches, and rounds
 *   placement_left.c  orders that were left pending, by earlier runs or by this one
 *   placement_metrics.c  what of it is for Prometheus
 */
#ifndef PLACE_PLACEMENT_PRIVATE_H
#define PLACE_PLACEMENT_PRIVATE_H

#include "base/report.h"
#include "metrics/histogram.h"
#include "place/batch.h"
#include "place/dispatch.h"
#include "place/placement.h"
#include "place/receipts.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A pass through the orders that are pending though nobody waits for them any more. */
struct pass {
    bool runs;
    bool is_full;       /* the publisher has no room for more now */
    int64_t after;      /* key of the last order that was looked at */
    int64_t next_ms;    /* when the next one may begin; this and the following: monotonic clock */
    int64_t refused_ms; /* when one is to begin for orders that the broker refused; or 0 */
};

struct placement {
    struct placement_settings settings;
    struct orders *store;
    int64_t left_last; /* key of the last order that earlier runs left pending; 0 for none */
    int64_t *placed;   /* keys of orders that are confirmed, for the next commit */
    size_t placed_size;
    struct receipts *receipts;
    struct dispatch dispatch;
    struct batch batch;
    uint64_t batch_receipts; /* number of the first receipt of the batch */
    bool is_unanswered;      /* the store may have it all the same */
    enum exit_code failure;
    int64_t stored_us;       /* monotonic clock: when the last commit began */
    struct histogram stored; /* how long each took that stored orders */
    struct histogram batches;
    /* These are used by one that never waits. */
    int64_t opened_ms;      /* monotonic clock */
    int64_t now_ms;         /* the same, at the start of the round */
    int64_t store_retry_ms; /* until then nothing is stored but new orders */
    struct pass pass;
};

/* Notes the first failure, or that of the store. */
void placement_fail(struct placement *placement, enum exit_code code);

/* Returns the delay between attempts, in milliseconds. */
int64_t placement_retry_ms(const struct placement *placement);

/* Adds the receipt of a stored order; number is that of its piece, 0 if an earlier run left it.
 * Returns its number among the receipts. */
uint64_t placement_add_receipt(struct placement *placement, const struct stored_order *order,
                               enum receipt_state state, uint64_t number);

/* For one that never waits: goes on with the pass as far as there is room, and begins one if that
 * is due. */
void placement_publish_some(struct placement *placement);

/* Returns whether one that never waits has left orders pending. */
bool placement_has_left(const struct placement *placement);

#endif
