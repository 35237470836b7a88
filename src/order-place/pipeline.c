#include "pipeline.h"

#include "receipts.h"

#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/uuid.h"
#include "engine/open.h"
#include "json/json.h"
#include "message/event_properties.h"
#include "order/event.h"
#include "store/orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 500
#define BATCH_BYTES ((size_t)4 << 20)

/* An order that was taken and is not stored yet. */
struct candidate {
    char *raw; /* as it came, if it has an id of its own: it may be refused later */
    size_t raw_len;
    char *event;
    uint64_t number; /* of the value in the input */
    uint64_t line;   /* of the input, on which it starts */
    bool publish;
    uint64_t receipt; /* its number, if publish */
};

struct pipeline {
    struct pipeline_settings settings;
    struct orders *store;
    int64_t left_last; /* key of the last order that earlier runs left pending; 0 for none */
    int64_t *placed;   /* keys of orders that are confirmed, for the next commit */
    size_t placed_size;
    struct publisher *publisher;
    struct receipts *receipts;
    struct candidate batch[BATCH_MAX];
    struct stored_order orders[BATCH_MAX]; /* those of batch, as they are stored */
    size_t batch_count;
    size_t batch_bytes;
    bool offline; /* connecting was given up, and is tried from time to time */
    int64_t offline_since_ms;
    bool some_unroutable;
    enum exit_code failure;
};

static void fail(struct pipeline *pipeline, enum exit_code code)
{
    if (pipeline->failure == EXIT_OK)
        pipeline->failure = code;
}

/* ---- publishing ---- */

static void take_results(struct pipeline *pipeline)
{
    uint64_t number;
    enum publish_result result;

    while (publisher_next(pipeline->publisher, &number, &result)) {
        struct receipt *receipt = receipts_at(pipeline->receipts, number);
        char id[UUID_TEXT_SIZE];

        receipt->state = result == PUBLISH_CONFIRMED ? RECEIPT_CONFIRMED : RECEIPT_PENDING;
        if (result == PUBLISH_CONFIRMED)
            continue;
        uuid_to_text(receipt->id, id);
        report("order %s is stored, but the broker did not take it: %s", id,
               publisher_reason(pipeline->publisher));
        pipeline->some_unroutable = true;
    }
}

/* Gives the broker up: orders on their way are left pending. */
static void go_offline(struct pipeline *pipeline, enum exit_code code)
{
    take_results(pipeline);
    publisher_forget(pipeline->publisher);
    receipts_change(pipeline->receipts, RECEIPT_AWAITED, RECEIPT_PENDING);
    pipeline->offline = true;
    pipeline->offline_since_ms = clock_monotonic_ms();
    if (code != EXIT_UNREACHABLE)
        fail(pipeline, code);
}

static enum exit_code make_room(struct pipeline *pipeline)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !publisher_has_room(pipeline->publisher)) {
        code = publisher_wait(pipeline->publisher);
        take_results(pipeline);
    }
    return code;
}

static void publish(struct pipeline *pipeline, const unsigned char *id, const char *event,
                    uint64_t number)
{
    amqp_basic_properties_t properties;
    struct message message = {
        .exchange = ORDERS_EXCHANGE, .routing_key = PLACED_KEY, .properties = &properties};
    char order_id[UUID_TEXT_SIZE];
    char message_id[UUID_TEXT_SIZE];
    enum exit_code code;

    if (pipeline->offline) {
        receipts_at(pipeline->receipts, number)->state = RECEIPT_PENDING;
        return;
    }
    uuid_to_text(id, order_id);
    message_id_of(EVENT_PLACED, order_id, message_id);
    event_properties(&properties, EVENT_PLACED, order_id, message_id);
    message.body = amqp_cstring_bytes(event);
    code = make_room(pipeline);
    if (code == EXIT_OK)
        code = publisher_send(pipeline->publisher, &message, number);
    if (code != EXIT_OK)
        go_offline(pipeline, code);
}

static char *event_of(const struct order *order, const unsigned char *id, int64_t placed_at)
{
    char order_id[UUID_TEXT_SIZE];

    uuid_to_text(id, order_id);
    return event_print(order, EVENT_PLACED, order_id, placed_at, NULL);
}

/* Returns the event of an order that was stored before, with the time of then; to be freed with
 * free(). */
static char *stored_event(const struct stored_order *stored)
{
    struct order order;
    struct order_fault fault;
    char *event;

    if (!order_read(&order, stored->data, stored->data_len, &fault))
        die(EXIT_STORE, "the store holds an order that is none: %s", fault.reason);
    event = event_of(&order, stored->id, stored->placed_at);
    order_free(&order);
    return event;
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
        candidate->event = stored_event(known);
    }
}

/* Visits each order of the batch as the store has it. */
static bool place(void *context, size_t index, const struct stored_order *stored)
{
    struct pipeline *pipeline = context;
    struct candidate *candidate = &pipeline->batch[index];

    if (stored == &pipeline->orders[index]) {
        candidate->receipt = add_receipt(pipeline, stored, RECEIPT_AWAITED, false);
        candidate->publish = true;
    } else {
        place_known(pipeline, candidate, &pipeline->orders[index], stored);
    }
    return true;
}

/* Stores the batch (P1), and marks what was confirmed before (P3), in one commit. */
static enum exit_code store_batch(struct pipeline *pipeline)
{
    uint64_t before = receipts_end(pipeline->receipts);
    struct orders_commit commit = {.added = pipeline->orders,
                                   .added_count = pipeline->batch_count,
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
    return pipeline->batch_count < BATCH_MAX && pipeline->batch_bytes < BATCH_BYTES;
}

void pipeline_take(struct pipeline *pipeline, const struct order *order,
                   const struct json_piece *piece)
{
    struct stored_order *stored = &pipeline->orders[pipeline->batch_count];
    struct candidate *candidate = &pipeline->batch[pipeline->batch_count++];
    char *data = xmalloc(piece->len);

    if (order->order_id == NULL)
        order_id_mint(stored->id);
    else if (!uuid_from_text(order->order_id, stored->id))
        die(EXIT_BUG, "an order_id that was checked and is no UUID");
    *candidate = (struct candidate){.number = piece->number, .line = piece->line};
    if (order->order_id != NULL) {
        candidate->raw = xmemdup_text(piece->text, piece->len);
        candidate->raw_len = piece->len;
    }
    stored->data = data;
    stored->data_len = json_compact_to(data, piece->text, piece->len);
    stored->placed_at = clock_utc_ms();
    candidate->event = event_of(order, stored->id, stored->placed_at);
    pipeline->batch_bytes += stored->data_len * 2;
}

static void publish_batch(struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->batch_count; i++) {
        const struct candidate *candidate = &pipeline->batch[i];

        if (candidate->publish)
            publish(pipeline, pipeline->orders[i].id, candidate->event, candidate->receipt);
    }
}

static void drop_batch(struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->batch_count; i++) {
        free(pipeline->batch[i].raw);
        free((char *)pipeline->orders[i].data);
        free(pipeline->batch[i].event);
    }
    pipeline->batch_count = 0;
    pipeline->batch_bytes = 0;
}

static bool has_some_to_publish(const struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->batch_count; i++)
        if (pipeline->batch[i].publish)
            return true;
    return false;
}

/* Waits until the batch is on disk, and connects meanwhile. */
static enum exit_code sync_batch(struct pipeline *pipeline)
{
    enum exit_code code = EXIT_OK;

    if (!pipeline->offline && has_some_to_publish(pipeline))
        code = publisher_open(pipeline->publisher);
    if (code != EXIT_OK)
        go_offline(pipeline, code);
    return pipeline->store->operations->await(pipeline->store);
}

enum exit_code pipeline_turn(struct pipeline *pipeline)
{
    enum exit_code code;

    publisher_service(pipeline->publisher);
    if (!pipeline->offline && publisher_pending(pipeline->publisher) > 0) {
        code = publisher_open(pipeline->publisher);
        if (code != EXIT_OK)
            go_offline(pipeline, code);
    }
    take_results(pipeline);
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
    drop_batch(pipeline);
    publisher_service(pipeline->publisher);
    pipeline->store->operations->idle(pipeline->store);
    return pipeline->failure;
}

enum exit_code pipeline_drain(struct pipeline *pipeline)
{
    enum exit_code code;

    if (publisher_pending(pipeline->publisher) > 0) {
        code = publisher_wait_all(pipeline->publisher);
        take_results(pipeline);
        if (code == EXIT_OK)
            publisher_leave(pipeline->publisher);
        else
            go_offline(pipeline, code);
    }
    return pipeline->failure;
}

/* ---- what is pending ---- */

static void publish_stored(struct pipeline *pipeline, const struct stored_order *order)
{
    char *event = stored_event(order);
    uint64_t number = add_receipt(pipeline, order, RECEIPT_AWAITED, !pipeline->settings.tell_left);

    publish(pipeline, order->id, event, number);
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

    if (!pipeline->offline || clock_monotonic_ms() - pipeline->offline_since_ms < delay_ms)
        return pipeline->failure;
    pipeline->offline_since_ms = clock_monotonic_ms();
    if (publisher_try(pipeline->publisher) != EXIT_OK)
        return pipeline->failure;
    pipeline->offline = false;
    return publish_pending(pipeline, INT64_MAX);
}

/* ---- the whole ---- */

enum exit_code pipeline_open(const struct pipeline_settings *settings, struct pipeline **pipeline)
{
    struct pipeline *opened = xcalloc(1, sizeof *opened);
    enum exit_code code = engine_open_orders(NULL, ORDERS_PLACE, &opened->store);

    opened->settings = *settings;
    opened->publisher = publisher_new(
        settings->options, &(struct publisher_settings){.declare = topology_declare_orders,
                                                        .repair = topology_declare});
    opened->receipts = receipts_new();
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
    drop_batch(pipeline);
    /* First: the broker can answer meanwhile. */
    if (pipeline->store != NULL)
        pipeline->store->operations->close(pipeline->store);
    publisher_free(pipeline->publisher);
    receipts_free(pipeline->receipts);
    free(pipeline->placed);
    free(pipeline);
}

bool pipeline_is_idle(const struct pipeline *pipeline)
{
    return pipeline->batch_count == 0 && receipts_waiting(pipeline->receipts) == 0;
}

struct connection *pipeline_connection(struct pipeline *pipeline)
{
    return publisher_connection(pipeline->publisher);
}

enum exit_code pipeline_verdict(const struct pipeline *pipeline)
{
    if (pipeline->some_unroutable)
        return EXIT_REFUSED;
    return receipts_some_pending(pipeline->receipts) ? EXIT_PENDING : EXIT_OK;
}
