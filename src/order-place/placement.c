#include "placement.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "json/json.h"
#include "store/orders.h"
#include "amqp/publisher.h"
#include "receipts.h"
#include "base/stop.h"
#include "amqp/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 500
#define BATCH_BYTES ((size_t)4 << 20)

/* An order that was taken and is not stored yet. */
struct candidate {
    unsigned char id[UUID_BYTES];
    bool own_id; /* it came with the order, so it may be known already */
    int64_t placed_at;
    char *raw; /* as it came, if own_id: it may be refused later */
    size_t raw_len;
    char *data; /* without white space */
    size_t data_len;
    char *event;
    uint64_t number; /* in the input, and */
    uint64_t line;   /* on which it starts */
    bool publish;
    uint64_t receipt; /* if so */
};

struct placement {
    struct placement_settings settings;
    struct orders *store;
    int64_t left_last; /* the last order that earlier runs left pending; 0 if there is none */
    struct publisher *publisher;
    struct receipts *receipts;
    struct candidate *batch[BATCH_MAX]; /* made when first used */
    size_t batch_count;
    size_t batch_bytes;
    bool offline; /* connecting was given up; tried once more from time to time */
    int64_t offline_since_ms;
    bool some_unroutable;
    enum exit_code failure;
};

static void fail(struct placement *placement, enum exit_code code)
{
    if (placement->failure == EXIT_OK)
        placement->failure = code;
}

/* ---- publishing ---- */

static void take_fates(struct placement *placement)
{
    uint64_t number;
    enum publish_result fate;

    while (publisher_next(placement->publisher, &number, &fate)) {
        struct receipt *receipt = receipts_at(placement->receipts, number);
        char id[UUID_TEXT_SIZE];

        receipt->state = fate == PUBLISH_CONFIRMED ? RECEIPT_CONFIRMED : RECEIPT_PENDING;
        if (fate == PUBLISH_CONFIRMED)
            continue;
        uuid_to_text(receipt->id, id);
        report("order %s is stored, but the broker did not take it: %s", id,
               publisher_reason(placement->publisher));
        placement->some_unroutable = true;
    }
}

/* The broker stays away: whatever is on its way is left to a later run. */
static void go_offline(struct placement *placement, enum exit_code code)
{
    take_fates(placement);
    publisher_forget(placement->publisher);
    receipts_change(placement->receipts, RECEIPT_AWAITED, RECEIPT_PENDING);
    placement->offline = true;
    placement->offline_since_ms = clock_monotonic_ms();
    if (code != EXIT_UNREACHABLE)
        fail(placement, code);
}

static enum exit_code make_room(struct placement *placement)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !publisher_has_room(placement->publisher)) {
        code = publisher_wait(placement->publisher);
        take_fates(placement);
    }
    return code;
}

static void publish(struct placement *placement, const unsigned char *id, const char *event, uint64_t number)
{
    amqp_basic_properties_t properties;
    struct message message = {
        .exchange = ORDERS_EXCHANGE, .routing_key = PLACED_KEY, .properties = &properties};
    char order_id[UUID_TEXT_SIZE];
    char message_id[UUID_TEXT_SIZE];
    enum exit_code code;

    if (placement->offline) {
        receipts_at(placement->receipts, number)->state = RECEIPT_PENDING;
        return;
    }
    uuid_to_text(id, order_id);
    message_id_of(EVENT_PLACED, order_id, message_id);
    publisher_event_properties(&properties, EVENT_PLACED, order_id, message_id);
    message.body = amqp_cstring_bytes(event);
    code = make_room(placement);
    if (code == EXIT_OK)
        code = publisher_send(placement->publisher, &message, number);
    if (code != EXIT_OK)
        go_offline(placement, code);
}

static char *event_of(const struct order *order, const unsigned char *id, int64_t placed_at)
{
    char order_id[UUID_TEXT_SIZE];

    uuid_to_text(id, order_id);
    return event_print(order, EVENT_PLACED, order_id, placed_at, NULL);
}

/* The event of an order that was stored before: it tells the time of then. To be freed. */
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

/* Marks what the broker has confirmed; to be called within a transaction. */
static enum exit_code mark_confirmed(struct placement *placement)
{
    const struct receipt *receipt;
    uint64_t at = 0;
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && (receipt = receipts_next(placement->receipts, RECEIPT_CONFIRMED, &at)) != NULL)
        code = orders_confirm(placement->store, receipt->seq);
    return code;
}

static bool some_confirmed(struct placement *placement)
{
    uint64_t at = 0;

    return receipts_next(placement->receipts, RECEIPT_CONFIRMED, &at) != NULL;
}

static uint64_t add_receipt(struct placement *placement, const struct stored_order *order,
                            enum receipt_state state, bool silent)
{
    struct receipt receipt = {.seq = order->seq, .state = state, .silent = silent};

    memcpy(receipt.id, order->id, UUID_BYTES);
    return receipts_add(placement->receipts, &receipt);
}

static void refuse_taken(struct placement *placement, const struct candidate *candidate)
{
    char id[UUID_TEXT_SIZE];
    char reason[128];
    struct json_piece piece = {.text = candidate->raw,
                               .len = candidate->raw_len,
                               .number = candidate->number,
                               .line = candidate->line,
                               .reason = reason,
                               .last = true};

    uuid_to_text(candidate->id, id);
    (void)snprintf(reason, sizeof reason, "order_id %s is taken by an order of other content", id);
    placement->settings.refuse(&piece);
}

/*
 * An order whose id the store knows. The same order again: its receipt again, and if it is pending it is
 * published, unless it is on its way already. Another order: refused.
 */
static void place_known(struct placement *placement, struct candidate *candidate,
                        const struct stored_order *known)
{
    if (!order_same(known->data, known->data_len, candidate->data, candidate->data_len)) {
        refuse_taken(placement, candidate);
    } else if (known->status == ORDER_PLACED) {
        (void)add_receipt(placement, known, RECEIPT_PLACED, false);
    } else if (receipts_of_seq(placement->receipts, known->seq) != NULL) {
        (void)add_receipt(placement, known, RECEIPT_REPEATED, false);
    } else {
        candidate->receipt = add_receipt(placement, known, RECEIPT_AWAITED, false);
        candidate->publish = true;
        free(candidate->event);
        candidate->event = stored_event(known);
    }
}

static enum exit_code store_candidate(struct placement *placement, struct candidate *candidate)
{
    struct stored_order order;
    bool known = false;
    enum exit_code code = EXIT_OK;

    if (candidate->own_id)
        code = orders_find(placement->store, candidate->id, &order, &known);
    if (code != EXIT_OK)
        return code;
    if (known) {
        place_known(placement, candidate, &order);
        return EXIT_OK;
    }
    memcpy(order.id, candidate->id, UUID_BYTES);
    order.placed_at = candidate->placed_at;
    order.data = candidate->data;
    order.data_len = candidate->data_len;
    code = orders_add(placement->store, &order);
    if (code != EXIT_OK)
        return code;
    candidate->receipt = add_receipt(placement, &order, RECEIPT_AWAITED, false);
    candidate->publish = true;
    return EXIT_OK;
}

/* P1 of the batch, and P3 of what was confirmed before, in one commit. */
static enum exit_code store_batch(struct placement *placement)
{
    uint64_t before = receipts_end(placement->receipts);
    enum exit_code code;

    if (placement->batch_count == 0 && !some_confirmed(placement))
        return EXIT_OK;
    code =
        placement->batch_count > 0 ? orders_begin(placement->store) : orders_begin_relaxed(placement->store);
    if (code != EXIT_OK)
        return code;
    code = mark_confirmed(placement);
    for (size_t i = 0; i < placement->batch_count && code == EXIT_OK; i++)
        code = store_candidate(placement, placement->batch[i]);
    if (code == EXIT_OK)
        code = orders_commit_ahead(placement->store);
    else
        orders_roll_back(placement->store);
    if (code == EXIT_OK)
        receipts_change(placement->receipts, RECEIPT_CONFIRMED, RECEIPT_PLACED);
    else
        receipts_cut(placement->receipts, before);
    return code;
}

/* ---- the batch ---- */

bool placement_has_room(const struct placement *placement)
{
    return placement->batch_count < BATCH_MAX && placement->batch_bytes < BATCH_BYTES;
}

static char *copy_of(const struct json_piece *piece)
{
    char *copy = need_calloc(piece->len + 1, 1);

    memcpy(copy, piece->text, piece->len);
    return copy;
}

static struct candidate *new_candidate(struct placement *placement)
{
    struct candidate **candidate = &placement->batch[placement->batch_count++];

    if (*candidate == NULL)
        *candidate = need_calloc(1, sizeof **candidate);
    memset(*candidate, 0, sizeof **candidate);
    return *candidate;
}

void placement_take(struct placement *placement, const struct order *order, const struct json_piece *piece)
{
    struct candidate *candidate = new_candidate(placement);

    candidate->own_id = order->order_id != NULL;
    if (!candidate->own_id)
        order_id_mint(candidate->id);
    else if (!uuid_from_text(order->order_id, candidate->id))
        die(EXIT_BUG, "an order_id that was checked and is no UUID");
    candidate->number = piece->number;
    candidate->line = piece->line;
    if (candidate->own_id) {
        candidate->raw = copy_of(piece);
        candidate->raw_len = piece->len;
    }
    candidate->data = copy_of(piece);
    candidate->data_len = json_compact(candidate->data, piece->len);
    candidate->placed_at = clock_utc_ms();
    candidate->event = event_of(order, candidate->id, candidate->placed_at);
    placement->batch_bytes += candidate->data_len * 2;
}

static void publish_batch(struct placement *placement)
{
    for (size_t i = 0; i < placement->batch_count; i++) {
        const struct candidate *candidate = placement->batch[i];

        if (candidate->publish)
            publish(placement, candidate->id, candidate->event, candidate->receipt);
    }
}

static void drop_batch(struct placement *placement)
{
    for (size_t i = 0; i < placement->batch_count; i++) {
        free(placement->batch[i]->raw);
        free(placement->batch[i]->data);
        free(placement->batch[i]->event);
    }
    placement->batch_count = 0;
    placement->batch_bytes = 0;
}

static bool has_some_to_publish(const struct placement *placement)
{
    for (size_t i = 0; i < placement->batch_count; i++)
        if (placement->batch[i]->publish)
            return true;
    return false;
}

/* Waits until the batch is on the disk, and meanwhile for the broker. */
static enum exit_code settle_batch(struct placement *placement)
{
    enum exit_code code = EXIT_OK;

    if (!placement->offline && has_some_to_publish(placement))
        code = publisher_open(placement->publisher);
    if (code != EXIT_OK)
        go_offline(placement, code);
    return orders_finish_sync(placement->store);
}

enum exit_code placement_turn(struct placement *placement)
{
    enum exit_code code;

    publisher_service(placement->publisher);
    if (!placement->offline && publisher_pending(placement->publisher) > 0) {
        code = publisher_open(placement->publisher);
        if (code != EXIT_OK)
            go_offline(placement, code);
    }
    take_fates(placement);
    code = store_batch(placement);
    if (code != EXIT_OK) {
        fail(placement, code);
        return placement->failure;
    }
    fail(placement, receipts_print(placement->receipts));
    placement->settings.told(receipts_told(placement->receipts));
    code = settle_batch(placement);
    if (code != EXIT_OK) {
        fail(placement, code);
        return placement->failure;
    }
    publish_batch(placement);
    drop_batch(placement);
    publisher_service(placement->publisher);
    orders_checkpoint(placement->store);
    return placement->failure;
}

enum exit_code placement_settle(struct placement *placement)
{
    enum exit_code code;

    if (publisher_pending(placement->publisher) > 0) {
        code = publisher_settle(placement->publisher);
        take_fates(placement);
        if (code == EXIT_OK)
            publisher_leave(placement->publisher);
        else
            go_offline(placement, code);
    }
    return placement->failure;
}

/* ---- what is pending ---- */

static void publish_stored(struct placement *placement, const struct stored_order *order)
{
    char *event = stored_event(order);
    uint64_t number = add_receipt(placement, order, RECEIPT_AWAITED, !placement->settings.tell_left);

    publish(placement, order->id, event, number);
    free(event);
}

/* Publishes the pending orders of this run up to that seq, except those that are on their way. */
static enum exit_code publish_pending(struct placement *placement, int64_t last)
{
    struct stored_order order = {.seq = 0};
    bool found;
    enum exit_code code = orders_next_own(placement->store, order.seq, last, &order, &found);

    while (code == EXIT_OK && found && placement->failure == EXIT_OK && !stop_requested()) {
        int64_t seq = order.seq;

        /* Unless it was placed again just now: then it is on its way. */
        if (receipts_of_seq(placement->receipts, seq) == NULL)
            publish_stored(placement, &order);
        if (receipts_waiting(placement->receipts) >= BATCH_MAX)
            (void)placement_turn(placement);
        code = orders_next_own(placement->store, seq, last, &order, &found);
    }
    fail(placement, code);
    return placement->failure;
}

enum exit_code placement_publish_left(struct placement *placement)
{
    return placement->left_last == 0 ? placement->failure : publish_pending(placement, placement->left_last);
}

enum exit_code placement_retry(struct placement *placement)
{
    int64_t delay_ms = (int64_t)placement->settings.options->retry_delay * 1000;

    if (!placement->offline || clock_monotonic_ms() - placement->offline_since_ms < delay_ms)
        return placement->failure;
    placement->offline_since_ms = clock_monotonic_ms();
    if (publisher_try(placement->publisher) != EXIT_OK)
        return placement->failure;
    placement->offline = false;
    return publish_pending(placement, INT64_MAX);
}

/* ---- the whole ---- */

enum exit_code placement_open(const struct placement_settings *settings, struct placement **placement)
{
    struct placement *opened = need_calloc(1, sizeof *opened);
    enum exit_code code = orders_open(ORDERS_PLACE, &opened->store);

    opened->settings = *settings;
    opened->publisher =
        publisher_new(settings->options, &(struct publisher_settings){.declare = topology_declare_orders,
                                                                      .repair = topology_declare});
    opened->receipts = receipts_new();
    if (code == EXIT_OK)
        code = orders_claim(opened->store, &opened->left_last);
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
    drop_batch(placement);
    for (size_t i = 0; i < BATCH_MAX; i++)
        free(placement->batch[i]);
    /* The broker answers meanwhile. */
    orders_close(placement->store);
    publisher_free(placement->publisher);
    receipts_free(placement->receipts);
    free(placement);
}

bool placement_is_idle(const struct placement *placement)
{
    return placement->batch_count == 0 && receipts_waiting(placement->receipts) == 0;
}

struct connection *placement_connection(struct placement *placement)
{
    return publisher_connection(placement->publisher);
}

enum exit_code placement_verdict(const struct placement *placement)
{
    if (placement->some_unroutable)
        return EXIT_REFUSED;
    return receipts_some_pending(placement->receipts) ? EXIT_PENDING : EXIT_OK;
}
