/* placement_left: orders that were left pending, by earlier runs or by this one. */
#include "base/stop.h"
#include "place/placement_private.h"

#include <stdlib.h>

#define REFUSED_RETRY_MS 60000 /* until what the broker has refused is offered again */

static void publish_stored(struct placement *placement, const struct stored_order *order)
{
    char *event = batch_stored_event(order);
    uint64_t number = placement_add_receipt(placement, order, RECEIPT_AWAITED, 0);

    placement_fail(placement,
                   dispatch_publish(&placement->dispatch, order->id, event, order->trace, number));
    free(event);
}

/* ---- by one that never waits ---- */

/* Leaves room for new orders. */
static bool has_room_for_left(const struct dispatch *dispatch)
{
    return dispatch_room(dispatch) > 0 && publisher_pending(dispatch->publisher) < BATCH_MAX;
}

static bool publish_left(void *context, size_t index, const struct stored_order *order)
{
    struct placement *placement = context;

    (void)index;
    placement->pass.is_full = !has_room_for_left(&placement->dispatch);
    if (placement->pass.is_full)
        return false;
    if (receipts_of_key(placement->receipts, order->key) == NULL)
        publish_stored(placement, order);
    placement->pass.after = order->key;
    return true;
}

/* Returns whether a pass is to begin. What the broker has refused is not offered again at once. */
static bool pass_is_due(struct placement *placement)
{
    struct pass *pass = &placement->pass;
    struct dispatch *dispatch = &placement->dispatch;

    if (dispatch->some_refused && pass->refused_ms == 0)
        pass->refused_ms = placement->now_ms + REFUSED_RETRY_MS;
    dispatch->some_refused = false;
    return (dispatch->some_left && placement->now_ms >= pass->next_ms) ||
           (pass->refused_ms != 0 && placement->now_ms >= pass->refused_ms);
}

static void begin_pass(struct placement *placement)
{
    placement->pass = (struct pass){.runs = true};
    placement->dispatch.some_left = false;
}

void placement_publish_some(struct placement *placement)
{
    struct pass *pass = &placement->pass;
    bool is_due = pass_is_due(placement);

    if (stop_requested() || !(pass->runs || is_due) || !has_room_for_left(&placement->dispatch))
        return;
    if (!pass->runs)
        begin_pass(placement);
    pass->is_full = false;
    placement_fail(placement,
                   placement->store->operations->each_pending(placement->store, pass->after,
                                                              INT64_MAX, publish_left, placement));
    pass->runs = pass->is_full;
    pass->next_ms = placement->now_ms + placement_retry_ms(placement);
}

bool placement_has_left(const struct placement *placement)
{
    return placement->dispatch.some_left || placement->dispatch.some_refused ||
           placement->dispatch.adrift.count > 0 || placement->pass.runs ||
           placement->pass.refused_ms != 0;
}

/* ---- by one that waits ---- */

/* Publishes a pending order, unless it was placed again just now and is on its way. */
static bool publish_one(void *context, size_t index, const struct stored_order *order)
{
    struct placement *placement = context;

    (void)index;
    if (placement->failure != EXIT_OK || stop_requested())
        return false;
    if (receipts_of_key(placement->receipts, order->key) == NULL)
        publish_stored(placement, order);
    if (receipts_waiting(placement->receipts) >= BATCH_MAX)
        (void)placement_turn(placement);
    return true;
}

/* Publishes the pending orders of this run up to the key last. */
static enum exit_code publish_pending(struct placement *placement, int64_t last)
{
    placement_fail(placement, placement->store->operations->each_pending(placement->store, 0, last,
                                                                         publish_one, placement));
    return placement->failure;
}

enum exit_code placement_publish_left(struct placement *placement)
{
    return placement->left_last == 0 ? placement->failure
                                     : publish_pending(placement, placement->left_last);
}

enum exit_code placement_retry(struct placement *placement)
{
    if (!dispatch_retry(&placement->dispatch, placement_retry_ms(placement)))
        return placement->failure;
    return publish_pending(placement, INT64_MAX);
}
