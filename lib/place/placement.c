#include "place/placement.h"

#include "base/memory.h"
#include "base/stop.h"
#include "base/uuid.h"
#include "engine/open.h"
#include "place/batch.h"
#include "place/dispatch.h"
#include "place/receipts.h"
#include "store/orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct placement {
    struct placement_settings settings;
    struct orders *store;
    int64_t left_last; /* key of the last order that earlier runs left pending; 0 for none */
    int64_t *placed;   /* keys of orders that are confirmed, for the next commit */
    size_t placed_size;
    struct receipts *receipts;
    struct dispatch dispatch;
    struct batch batch;
    enum exit_code failure;
};

static void fail(struct placement *placement, enum exit_code code)
{
    if (placement->failure == EXIT_OK)
        placement->failure = code;
}

/* ---- the store ---- */

/* Lists the keys of confirmed orders in placed. Returns how many. */
static size_t list_confirmed(struct placement *placement)
{
    size_t waiting = receipts_waiting(placement->receipts);
    const struct receipt *receipt;
    uint64_t at = 0;
    size_t count = 0;

    if (placement->placed_size < waiting) {
        placement->placed_size = 2 * waiting;
        placement->placed =
            xrealloc(placement->placed, placement->placed_size * sizeof *placement->placed);
    }
    while ((receipt = receipts_next(placement->receipts, RECEIPT_CONFIRMED, &at)) != NULL)
        placement->placed[count++] = receipt->key;
    return count;
}

static uint64_t add_receipt(struct placement *placement, const struct stored_order *order,
                            enum receipt_state state, uint64_t number)
{
    struct receipt receipt = {.key = order->key, .state = state, .number = number};

    memcpy(receipt.id, order->id, UUID_BYTES);
    receipt.silent = number == 0 && !placement->settings.tell_left;
    return receipts_add(placement->receipts, &receipt);
}

static void refuse_taken(struct placement *placement, const struct candidate *candidate,
                         const unsigned char *order_id)
{
    char id[UUID_TEXT_SIZE];
    char reason[128];
    struct json_piece piece = {.text = candidate->raw,
                               .len = candidate->raw_len,
                               .number = candidate->number,
                               .line = candidate->line,
                               .reason = reason,
                               .last = true};

    uuid_to_text(order_id, id);
    (void)snprintf(reason, sizeof reason, "order_id %s is taken by an order of other content", id);
    placement->settings.refuse(placement->settings.context, &piece);
}

/* Handles an order whose id the store knows. The same content gets its receipt again, and is
 * published if it is pending and not on its way already; other content is refused. */
static void place_known(struct placement *placement, struct candidate *candidate,
                        const struct stored_order *order, const struct stored_order *known)
{
    if (!order_same(known->data, known->data_len, order->data, order->data_len)) {
        refuse_taken(placement, candidate, order->id);
    } else if (known->status == ORDER_PLACED) {
        (void)add_receipt(placement, known, RECEIPT_PLACED, candidate->number);
    } else if (receipts_of_key(placement->receipts, known->key) != NULL) {
        (void)add_receipt(placement, known, RECEIPT_REPEATED, candidate->number);
    } else {
        candidate->receipt = add_receipt(placement, known, RECEIPT_AWAITED, candidate->number);
        candidate->publish = true;
        free(candidate->event);
        candidate->event = batch_stored_event(known);
    }
}

/* Visits each order of the batch as the store has it. */
static bool place(void *context, size_t index, const struct stored_order *stored)
{
    struct placement *placement = context;
    struct candidate *candidate = &placement->batch.candidates[index];
    const struct stored_order *order = &placement->batch.orders[index];

    if (stored == order) {
        candidate->receipt = add_receipt(placement, stored, RECEIPT_AWAITED, candidate->number);
        candidate->publish = true;
    } else {
        place_known(placement, candidate, order, stored);
    }
    return true;
}

/* Stores the batch (P1), and marks what was confirmed before (P3), in one commit. */
static enum exit_code store_batch(struct placement *placement)
{
    uint64_t before = receipts_end(placement->receipts);
    struct orders_commit commit = {.added = placement->batch.orders,
                                   .added_count = placement->batch.count,
                                   .placed_count = list_confirmed(placement),
                                   .visit = place,
                                   .context = placement};
    enum exit_code code;

    if (commit.added_count == 0 && commit.placed_count == 0)
        return EXIT_OK;
    commit.placed = placement->placed;
    code = placement->store->operations->commit(placement->store, &commit);
    if (code == EXIT_OK)
        receipts_change(placement->receipts, RECEIPT_CONFIRMED, RECEIPT_PLACED);
    else
        receipts_cut(placement->receipts, before);
    return code;
}

/* ---- the batch ---- */

bool placement_has_room(const struct placement *placement)
{
    return batch_has_room(&placement->batch);
}

void placement_take(struct placement *placement, const struct order *order, const unsigned char *id,
                    const struct json_piece *piece)
{
    batch_add(&placement->batch, order, id, piece);
}

static void publish_batch(struct placement *placement)
{
    const struct batch *batch = &placement->batch;

    for (size_t i = 0; i < batch->count; i++) {
        const struct candidate *candidate = &batch->candidates[i];

        if (candidate->publish)
            fail(placement, dispatch_publish(&placement->dispatch, batch->orders[i].id,
                                             candidate->event, candidate->receipt));
    }
}

/* Waits until the batch is on disk, and connects meanwhile. */
static enum exit_code sync_batch(struct placement *placement)
{
    if (batch_some_to_publish(&placement->batch))
        fail(placement, dispatch_connect(&placement->dispatch));
    return placement->store->operations->await(placement->store);
}

enum exit_code placement_turn(struct placement *placement)
{
    const struct placement_settings *settings = &placement->settings;
    struct publisher *publisher = placement->dispatch.publisher;
    enum exit_code code;

    publisher_service(publisher);
    if (publisher_pending(publisher) > 0)
        fail(placement, dispatch_connect(&placement->dispatch));
    dispatch_take_results(&placement->dispatch);
    code = store_batch(placement);
    if (code != EXIT_OK) {
        fail(placement, code);
        return placement->failure;
    }
    receipts_tell(placement->receipts, settings->tell, settings->context);
    fail(placement, settings->told(settings->context, receipts_told(placement->receipts)));
    code = sync_batch(placement);
    if (code != EXIT_OK) {
        fail(placement, code);
        return placement->failure;
    }
    publish_batch(placement);
    batch_clear(&placement->batch);
    publisher_service(publisher);
    placement->store->operations->idle(placement->store);
    return placement->failure;
}

enum exit_code placement_drain(struct placement *placement)
{
    fail(placement, dispatch_drain(&placement->dispatch));
    return placement->failure;
}

void placement_abandon(struct placement *placement)
{
    batch_clear(&placement->batch);
    placement->failure = EXIT_OK;
}

/* ---- pending orders ---- */

static void publish_stored(struct placement *placement, const struct stored_order *order)
{
    char *event = batch_stored_event(order);
    uint64_t number = add_receipt(placement, order, RECEIPT_AWAITED, 0);

    fail(placement, dispatch_publish(&placement->dispatch, order->id, event, number));
    free(event);
}

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
    fail(placement, placement->store->operations->each_pending(placement->store, last, publish_one,
                                                               placement));
    return placement->failure;
}

enum exit_code placement_publish_left(struct placement *placement)
{
    return placement->left_last == 0 ? placement->failure
                                     : publish_pending(placement, placement->left_last);
}

enum exit_code placement_retry(struct placement *placement)
{
    int64_t delay_ms = (int64_t)placement->settings.options->retry_delay * 1000;

    if (!dispatch_retry(&placement->dispatch, delay_ms))
        return placement->failure;
    return publish_pending(placement, INT64_MAX);
}

/* ---- the whole ---- */

enum exit_code placement_open(const struct placement_settings *settings,
                              struct placement **placement)
{
    struct placement *opened = xcalloc(1, sizeof *opened);
    enum exit_code code = engine_open_orders(NULL, ORDERS_PLACE, &opened->store);

    opened->settings = *settings;
    opened->receipts = receipts_new();
    dispatch_open(&opened->dispatch, settings->options, opened->receipts);
    if (code == EXIT_OK)
        code = opened->store->operations->claim(opened->store, &opened->left_last);
    if (code != EXIT_OK) {
        placement_close(opened);
        return code;
    }
    *placement = opened;
    return EXIT_OK;
}

void placement_close(struct placement *placement)
{
    if (placement == NULL)
        return;
    batch_clear(&placement->batch);
    /* First: the broker can answer meanwhile. */
    if (placement->store != NULL)
        placement->store->operations->close(placement->store);
    dispatch_close(&placement->dispatch);
    receipts_free(placement->receipts);
    free(placement->placed);
    free(placement);
}

bool placement_is_idle(const struct placement *placement)
{
    return placement->batch.count == 0 && receipts_waiting(placement->receipts) == 0;
}

bool placement_is_connected(const struct placement *placement)
{
    return connection_is_up(publisher_connection(placement->dispatch.publisher));
}

struct connection *placement_connection(struct placement *placement)
{
    return publisher_connection(placement->dispatch.publisher);
}

enum exit_code placement_verdict(const struct placement *placement)
{
    if (placement->dispatch.some_refused)
        return EXIT_REFUSED;
    return receipts_some_pending(placement->receipts) ? EXIT_PENDING : EXIT_OK;
}
