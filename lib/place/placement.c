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

struct pipeline {
    struct pipeline_settings settings;
    struct orders *store;
    int64_t left_last; /* key of the last order that earlier runs left pending; 0 for none */
    int64_t *placed;   /* keys of orders that are confirmed, for the next commit */
    size_t placed_size;
    struct receipts *receipts;
    struct dispatch dispatch;
    struct batch batch;
    enum exit_code failure;
};

static void fail(struct pipeline *pipeline, enum exit_code code)
{
    if (pipeline->failure == EXIT_OK)
        pipeline->failure = code;
}

/* ---- the store ---- */

/* Lists the keys of confirmed orders in placed. Returns how many. */
static size_t list_confirmed(struct pipeline *pipeline)
{
    size_t waiting = receipts_waiting(pipeline->receipts);
    const struct receipt *receipt;
    uint64_t at = 0;
    size_t count = 0;

    if (pipeline->placed_size < waiting) {
        pipeline->placed_size = 2 * waiting;
        pipeline->placed =
            xrealloc(pipeline->placed, pipeline->placed_size * sizeof *pipeline->placed);
    }
    while ((receipt = receipts_next(pipeline->receipts, RECEIPT_CONFIRMED, &at)) != NULL)
        pipeline->placed[count++] = receipt->key;
    return count;
}

static uint64_t add_receipt(struct pipeline *pipeline, const struct stored_order *order,
                            enum receipt_state state, bool silent)
{
    struct receipt receipt = {.key = order->key, .state = state, .silent = silent};

    memcpy(receipt.id, order->id, UUID_BYTES);
    return receipts_add(pipeline->receipts, &receipt);
}

static void refuse_taken(struct pipeline *pipeline, const struct candidate *candidate,
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
    pipeline->settings.refuse(&piece);
}

/* Handles an order whose id the store knows. The same content gets its receipt again, and is
 * published if it is pending and not on its way already; other content is refused. */
static void place_known(struct pipeline *pipeline, struct candidate *candidate,
                        const struct stored_order *order, const struct stored_order *known)
{
    if (!order_same(known->data, known->data_len, order->data, order->data_len)) {
        refuse_taken(pipeline, candidate, order->id);
    } else if (known->status == ORDER_PLACED) {
        (void)add_receipt(pipeline, known, RECEIPT_PLACED, false);
    } else if (receipts_of_key(pipeline->receipts, known->key) != NULL) {
        (void)add_receipt(pipeline, known, RECEIPT_REPEATED, false);
    } else {
        candidate->receipt = add_receipt(pipeline, known, RECEIPT_AWAITED, false);
        candidate->publish = true;
        free(candidate->event);
        candidate->event = batch_stored_event(known);
    }
}

/* Visits each order of the batch as the store has it. */
static bool place(void *context, size_t index, const struct stored_order *stored)
{
    struct pipeline *pipeline = context;
    struct candidate *candidate = &pipeline->batch.candidates[index];
    const struct stored_order *order = &pipeline->batch.orders[index];

    if (stored == order) {
        candidate->receipt = add_receipt(pipeline, stored, RECEIPT_AWAITED, false);
        candidate->publish = true;
    } else {
        place_known(pipeline, candidate, order, stored);
    }
    return true;
}

/* Stores the batch (P1), and marks what was confirmed before (P3), in one commit. */
static enum exit_code store_batch(struct pipeline *pipeline)
{
    uint64_t before = receipts_end(pipeline->receipts);
    struct orders_commit commit = {.added = pipeline->batch.orders,
                                   .added_count = pipeline->batch.count,
                                   .placed_count = list_confirmed(pipeline),
                                   .visit = place,
                                   .context = pipeline};
    enum exit_code code;

    if (commit.added_count == 0 && commit.placed_count == 0)
        return EXIT_OK;
    commit.placed = pipeline->placed;
    code = pipeline->store->operations->commit(pipeline->store, &commit);
    if (code == EXIT_OK)
        receipts_change(pipeline->receipts, RECEIPT_CONFIRMED, RECEIPT_PLACED);
    else
        receipts_cut(pipeline->receipts, before);
    return code;
}

/* ---- the batch ---- */

bool pipeline_has_room(const struct pipeline *pipeline)
{
    return batch_has_room(&pipeline->batch);
}

void pipeline_take(struct pipeline *pipeline, const struct order *order,
                   const struct json_piece *piece)
{
    batch_add(&pipeline->batch, order, piece);
}

static void publish_batch(struct pipeline *pipeline)
{
    const struct batch *batch = &pipeline->batch;

    for (size_t i = 0; i < batch->count; i++) {
        const struct candidate *candidate = &batch->candidates[i];

        if (candidate->publish)
            fail(pipeline, dispatch_publish(&pipeline->dispatch, batch->orders[i].id,
                                            candidate->event, candidate->receipt));
    }
}

/* Waits until the batch is on disk, and connects meanwhile. */
static enum exit_code sync_batch(struct pipeline *pipeline)
{
    if (batch_some_to_publish(&pipeline->batch))
        fail(pipeline, dispatch_connect(&pipeline->dispatch));
    return pipeline->store->operations->await(pipeline->store);
}

enum exit_code pipeline_turn(struct pipeline *pipeline)
{
    struct publisher *publisher = pipeline->dispatch.publisher;
    enum exit_code code;

    publisher_service(publisher);
    if (publisher_pending(publisher) > 0)
        fail(pipeline, dispatch_connect(&pipeline->dispatch));
    dispatch_take_results(&pipeline->dispatch);
    code = store_batch(pipeline);
    if (code != EXIT_OK) {
        fail(pipeline, code);
        return pipeline->failure;
    }
    fail(pipeline, receipts_print(pipeline->receipts));
    pipeline->settings.told(receipts_told(pipeline->receipts));
    code = sync_batch(pipeline);
    if (code != EXIT_OK) {
        fail(pipeline, code);
        return pipeline->failure;
    }
    publish_batch(pipeline);
    batch_clear(&pipeline->batch);
    publisher_service(publisher);
    pipeline->store->operations->idle(pipeline->store);
    return pipeline->failure;
}

enum exit_code pipeline_drain(struct pipeline *pipeline)
{
    fail(pipeline, dispatch_drain(&pipeline->dispatch));
    return pipeline->failure;
}

/* ---- pending orders ---- */

static void publish_stored(struct pipeline *pipeline, const struct stored_order *order)
{
    char *event = batch_stored_event(order);
    uint64_t number = add_receipt(pipeline, order, RECEIPT_AWAITED, !pipeline->settings.tell_left);

    fail(pipeline, dispatch_publish(&pipeline->dispatch, order->id, event, number));
    free(event);
}

/* Publishes a pending order, unless it was placed again just now and is on its way. */
static bool publish_one(void *context, size_t index, const struct stored_order *order)
{
    struct pipeline *pipeline = context;

    (void)index;
    if (pipeline->failure != EXIT_OK || stop_requested())
        return false;
    if (receipts_of_key(pipeline->receipts, order->key) == NULL)
        publish_stored(pipeline, order);
    if (receipts_waiting(pipeline->receipts) >= BATCH_MAX)
        (void)pipeline_turn(pipeline);
    return true;
}

/* Publishes the pending orders of this run up to the key last. */
static enum exit_code publish_pending(struct pipeline *pipeline, int64_t last)
{
    fail(pipeline,
         pipeline->store->operations->each_pending(pipeline->store, last, publish_one, pipeline));
    return pipeline->failure;
}

enum exit_code pipeline_publish_left(struct pipeline *pipeline)
{
    return pipeline->left_last == 0 ? pipeline->failure
                                    : publish_pending(pipeline, pipeline->left_last);
}

enum exit_code pipeline_retry(struct pipeline *pipeline)
{
    int64_t delay_ms = (int64_t)pipeline->settings.options->retry_delay * 1000;

    if (!dispatch_retry(&pipeline->dispatch, delay_ms))
        return pipeline->failure;
    return publish_pending(pipeline, INT64_MAX);
}

/* ---- the whole ---- */

enum exit_code pipeline_open(const struct pipeline_settings *settings, struct pipeline **pipeline)
{
    struct pipeline *opened = xcalloc(1, sizeof *opened);
    enum exit_code code = engine_open_orders(NULL, ORDERS_PLACE, &opened->store);

    opened->settings = *settings;
    opened->receipts = receipts_new();
    dispatch_open(&opened->dispatch, settings->options, opened->receipts);
    if (code == EXIT_OK)
        code = opened->store->operations->claim(opened->store, &opened->left_last);
    if (code != EXIT_OK) {
        pipeline_close(opened);
        return code;
    }
    *pipeline = opened;
    return EXIT_OK;
}

void pipeline_close(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    batch_clear(&pipeline->batch);
    /* First: the broker can answer meanwhile. */
    if (pipeline->store != NULL)
        pipeline->store->operations->close(pipeline->store);
    dispatch_close(&pipeline->dispatch);
    receipts_free(pipeline->receipts);
    free(pipeline->placed);
    free(pipeline);
}

bool pipeline_is_idle(const struct pipeline *pipeline)
{
    return pipeline->batch.count == 0 && receipts_waiting(pipeline->receipts) == 0;
}

struct connection *pipeline_connection(struct pipeline *pipeline)
{
    return publisher_connection(pipeline->dispatch.publisher);
}

enum exit_code pipeline_verdict(const struct pipeline *pipeline)
{
    if (pipeline->dispatch.some_refused)
        return EXIT_REFUSED;
    return receipts_some_pending(pipeline->receipts) ? EXIT_PENDING : EXIT_OK;
}
