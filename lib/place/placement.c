#include "place/placement.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "engine/open.h"
#include "place/placement_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void placement_fail(struct placement *placement, enum exit_code code)
{
    if (placement->failure == EXIT_OK || code == EXIT_STORE)
        placement->failure = code;
}

int64_t placement_retry_ms(const struct placement *placement)
{
    return (int64_t)placement->settings.options->retry_delay * 1000;
}

uint64_t placement_add_receipt(struct placement *placement, const struct stored_order *order,
                               enum receipt_state state, uint64_t number)
{
    struct receipt receipt = {
        .key = order->key, .state = state, .number = number, .since_ms = placement->now_ms};

    /* When earlier runs stored what they left is not known. */
    receipt.stored_us = number == 0 ? 0 : placement->stored_us;
    memcpy(receipt.id, order->id, UUID_BYTES);
    receipt.silent = number == 0 && !placement->settings.tell_left;
    return receipts_add(placement->receipts, &receipt);
}

/* ---- the store ---- */

/* Lists the keys of confirmed orders in placed. Returns how many. */
static size_t list_confirmed(struct placement *placement)
{
    const struct adrift *adrift = &placement->dispatch.adrift;
    size_t most = adrift->confirmed_count + receipts_waiting(placement->receipts);
    const struct receipt *receipt;
    uint64_t at = 0;
    size_t count = 0;

    if (placement->placed_size < most) {
        placement->placed_size = 2 * most;
        placement->placed =
            xrealloc(placement->placed, placement->placed_size * sizeof *placement->placed);
    }
    for (; count < adrift->confirmed_count; count++)
        placement->placed[count] = adrift->confirmed[count];
    while ((receipt = receipts_next(placement->receipts, RECEIPT_CONFIRMED, &at)) != NULL)
        placement->placed[count++] = receipt->key;
    return count;
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

/* Adds the receipt of an order that the store knew. One placed at that very moment is the order
 * itself: an answer of the database was lost, and the batch committed again. */
static uint64_t add_known(struct placement *placement, const struct candidate *candidate,
                          const struct stored_order *order, const struct stored_order *known,
                          enum receipt_state state)
{
    uint64_t number = placement_add_receipt(placement, known, state, candidate->number);

    receipts_at(placement->receipts, number)->repeated =
        state != RECEIPT_AWAITED || known->placed_at != order->placed_at;
    return number;
}

/* Handles an order whose id the store knows. The same content gets its receipt again, and is
 * published if it is pending and not on its way already; other content is refused. */
static void place_known(struct placement *placement, struct candidate *candidate,
                        const struct stored_order *order, const struct stored_order *known)
{
    if (!order_same(known->data, known->data_len, order->data, order->data_len)) {
        refuse_taken(placement, candidate, order->id);
    } else if (known->status != ORDER_PENDING) {
        (void)add_known(placement, candidate, order, known, RECEIPT_PLACED);
    } else if (receipts_of_key(placement->receipts, known->key) != NULL) {
        (void)add_known(placement, candidate, order, known, RECEIPT_REPEATED);
    } else {
        candidate->receipt = add_known(placement, candidate, order, known, RECEIPT_AWAITED);
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
        candidate->receipt =
            placement_add_receipt(placement, stored, RECEIPT_AWAITED, candidate->number);
        candidate->publish = true;
    } else {
        place_known(placement, candidate, order, stored);
    }
    return true;
}

static void note_commit(struct placement *placement)
{
    if (placement->batch.count == 0)
        return;
    histogram_observe(&placement->stored, clock_monotonic_us() - placement->stored_us);
    histogram_observe(&placement->batches, (int64_t)placement->batch.count);
}

/* Stores the batch (P1), and marks what was confirmed before (P3), in one commit. */
static enum exit_code store_batch(struct placement *placement)
{
    struct orders_commit commit = {.added = placement->batch.orders,
                                   .added_count = placement->batch.count,
                                   .placed_count = list_confirmed(placement),
                                   .visit = place,
                                   .context = placement};
    enum exit_code code;

    placement->batch_receipts = receipts_end(placement->receipts);
    if (commit.added_count == 0 &&
        (commit.placed_count == 0 || placement->now_ms < placement->store_retry_ms))
        return EXIT_OK;
    commit.placed = placement->placed;
    placement->stored_us = clock_monotonic_us();
    code = placement->store->operations->commit(placement->store, &commit);
    if (code != EXIT_OK) {
        receipts_cut(placement->receipts, placement->batch_receipts);
        placement->store_retry_ms = placement->now_ms + placement_retry_ms(placement);
        return code;
    }
    note_commit(placement);
    receipts_change(placement->receipts, RECEIPT_CONFIRMED, RECEIPT_PLACED);
    placement->dispatch.adrift.confirmed_count = 0;
    return EXIT_OK;
}

/* ---- the batch ---- */

/* Returns for how many milliseconds more a connection is hoped for, at the start. */
static int64_t hopes_ms(const struct placement *placement)
{
    if (!placement->settings.never_waits || placement->dispatch.has_tried)
        return 0;
    return placement->opened_ms + placement->settings.patience_ms - clock_monotonic_ms();
}

bool placement_has_room(const struct placement *placement)
{
    const struct dispatch *dispatch = &placement->dispatch;

    if (hopes_ms(placement) > 0)
        return false;
    if (placement->settings.never_waits && dispatch_is_ready(dispatch) &&
        placement->batch.count >= dispatch_room(dispatch))
        return false;
    return batch_has_room(&placement->batch);
}

void placement_take(struct placement *placement, const struct order *order, const unsigned char *id,
                    const char *trace, const struct json_piece *piece)
{
    batch_add(&placement->batch, order, id, trace, piece);
}

static void publish_batch(struct placement *placement)
{
    const struct batch *batch = &placement->batch;

    for (size_t i = 0; i < batch->count; i++) {
        const struct candidate *candidate = &batch->candidates[i];

        if (candidate->publish)
            placement_fail(placement, dispatch_publish(&placement->dispatch, batch->orders[i].id,
                                                       candidate->event, batch->orders[i].trace,
                                                       candidate->receipt));
    }
}

/* ---- a round ---- */

/* Publishes the batch while the disk syncs it, and waits for the disk. */
static enum exit_code publish_and_sync(struct placement *placement)
{
    if (batch_some_to_publish(&placement->batch))
        placement_fail(placement, dispatch_connect(&placement->dispatch));
    publish_batch(placement);
    publisher_service(placement->dispatch.publisher);
    return placement->store->operations->await(placement->store);
}

static void tell_due(struct placement *placement)
{
    const struct placement_settings *settings = &placement->settings;

    if (settings->never_waits)
        dispatch_let_go(&placement->dispatch, placement->now_ms - settings->patience_ms,
                        placement->batch.count > 0 ? placement->batch_receipts
                                                   : receipts_end(placement->receipts));
    receipts_tell(placement->receipts, settings->tell, settings->context);
    if (settings->told != NULL)
        placement_fail(placement,
                       settings->told(settings->context, receipts_told(placement->receipts)));
}

/* What was due before is told while the broker and the disk work on the batch. */
static enum exit_code place_batch(struct placement *placement)
{
    enum exit_code code = store_batch(placement);

    if (code == EXIT_OK || placement->settings.never_waits)
        tell_due(placement);
    return code == EXIT_OK ? publish_and_sync(placement) : code;
}

enum exit_code placement_turn(struct placement *placement)
{
    struct publisher *publisher = placement->dispatch.publisher;
    enum exit_code code;

    if (placement->settings.never_waits)
        placement->now_ms = clock_monotonic_ms();
    publisher_service(publisher);
    if (publisher_pending(publisher) > 0 || placement->settings.never_waits)
        placement_fail(placement, dispatch_connect(&placement->dispatch));
    dispatch_take_results(&placement->dispatch);
    code = place_batch(placement);
    if (code != EXIT_OK) {
        placement->is_unanswered = placement->store->operations->is_in_doubt(placement->store);
        placement_fail(placement, code);
        return placement->failure;
    }
    batch_clear(&placement->batch);
    if (placement->settings.never_waits) {
        placement_publish_some(placement);
        tell_due(placement);
        publisher_service(publisher);
    }
    placement->store->operations->idle(placement->store);
    return placement->failure;
}

enum exit_code placement_drain(struct placement *placement)
{
    placement_fail(placement, dispatch_drain(&placement->dispatch));
    return placement->failure;
}

/* The batch is stored, and only its sync failed. */
static bool is_unsynced(const struct placement *placement)
{
    return placement->batch.count > 0 &&
           receipts_end(placement->receipts) > placement->batch_receipts;
}

bool placement_is_in_doubt(const struct placement *placement)
{
    return is_unsynced(placement) || (placement->batch.count > 0 && placement->is_unanswered);
}

bool placement_is_locked(const struct placement *placement)
{
    return placement->store->operations->is_locked(placement->store);
}

bool placement_abandon(struct placement *placement)
{
    bool some = placement->batch.count > 0;

    /* The store has them, perhaps, and the broker as well. */
    if (placement_is_in_doubt(placement))
        placement->dispatch.some_left = true;
    if (is_unsynced(placement)) {
        receipts_silence(placement->receipts, placement->batch_receipts);
        dispatch_let_go(&placement->dispatch, INT64_MAX, receipts_end(placement->receipts));
    }
    batch_clear(&placement->batch);
    placement->failure = EXIT_OK;
    return some;
}

/* ---- the whole ---- */

enum exit_code placement_open(const struct placement_settings *settings,
                              struct placement **placement)
{
    struct placement *opened = xcalloc(1, sizeof *opened);
    struct store_patience patience = {.attempts = settings->options->retries,
                                      .delay_s = settings->options->retry_delay,
                                      .never_waits = settings->never_waits};
    enum exit_code code = engine_open_orders(NULL, ORDERS_PLACE, &patience, &opened->store);

    opened->settings = *settings;
    opened->stored.scale = &histogram_seconds;
    opened->batches.scale = &histogram_counts;
    opened->opened_ms = clock_monotonic_ms();
    opened->receipts = receipts_new();
    dispatch_open(&opened->dispatch, settings->options, opened->receipts, settings->never_waits);
    if (code == EXIT_OK)
        code = opened->store->operations->claim(opened->store, &opened->left_last);
    if (code != EXIT_OK) {
        placement_close(opened);
        return code;
    }
    opened->dispatch.some_left = opened->left_last != 0;
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

/* Returns whether the last round has read, at its end, what it did not handle any more. */
static bool is_due(const struct placement *placement, const struct receipt *oldest)
{
    const struct dispatch *dispatch = &placement->dispatch;

    if (publisher_has_result(dispatch->publisher))
        return true;
    if (!dispatch_is_away(dispatch))
        return false;
    if (placement->settings.never_waits)
        return oldest != NULL && oldest->state == RECEIPT_AWAITED;
    return publisher_pending(dispatch->publisher) > 0 &&
           !connection_is_blocked(publisher_connection(dispatch->publisher));
}

int placement_due_ms(struct placement *placement)
{
    const struct receipt *oldest = receipts_oldest(placement->receipts);
    int64_t left_ms = hopes_ms(placement);

    if (is_due(placement, oldest))
        return 0;
    if (oldest == NULL || !placement->settings.never_waits)
        return left_ms > 0 ? (int)left_ms : -1;
    left_ms = oldest->since_ms + placement->settings.patience_ms - clock_monotonic_ms();
    return left_ms > 0 ? (int)left_ms : 0;
}

bool placement_is_connected(const struct placement *placement)
{
    return connection_is_up(publisher_connection(placement->dispatch.publisher));
}

bool placement_is_blocked(const struct placement *placement)
{
    return connection_is_blocked(publisher_connection(placement->dispatch.publisher));
}

struct connection *placement_connection(struct placement *placement)
{
    return publisher_connection(placement->dispatch.publisher);
}

enum exit_code placement_verdict(const struct placement *placement)
{
    if (placement->settings.never_waits)
        return placement_has_left(placement) ? EXIT_PENDING : EXIT_OK;
    if (placement->dispatch.some_refused)
        return EXIT_REFUSED;
    return receipts_some_pending(placement->receipts) ? EXIT_PENDING : EXIT_OK;
}
