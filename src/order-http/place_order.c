#include "place_order.h"

#include "answer.h"
#include "metrics.h"
#include "order_request.h"
#include "placings.h"
#include "reader.h"
#include "request.h"
#include "request_span.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "json/foreign.h"
#include "order/order.h"
#include "place/placement.h"
#include "trace/context.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_SECONDS 1   /* after which a client that was sent away may come again */
#define LOCKED_STEP_MS 50 /* between two attempts at a store that another program has locked */

static struct placings queued; /* there was no room for them, or the store is locked */
static struct placings taken;  /* by the placement */
static bool some_finished;     /* in this round: the server has something to do */
static int64_t store_again_ms; /* when a store that is locked is tried again; 0: it is not */

static void forget(struct placing *placing)
{
    placings_take_out(placing);
    order_free(&placing->order);
    free(placing);
}

/* The client left: its order goes on, if the placement has it. */
static void leave(struct request *request)
{
    forget(request->context);
}

/* ---- answers ---- */

/* Sends the answer, which was filled in. */
static void finish(struct placing *placing)
{
    struct request *request = placing->request;

    forget(placing);
    request_finish(request);
    some_finished = true;
}

static void try_again(struct answer *answer, unsigned status, const char *member,
                      const char *detail)
{
    answer_problem(answer, status, member, "%s", detail);
    answer_add(answer, "Retry-After", "%d", RETRY_SECONDS);
}

/* A receipt_tell. */
static void answer_receipt(void *context, const struct receipt *receipt)
{
    enum order_status status = receipt_status(receipt);
    struct placing *placing = placings_find(&taken, receipt->number);
    struct request *request;
    char line[RECEIPT_LINE_SIZE + 1];
    size_t len;

    (void)context;
    if (placing == NULL)
        return;
    request = placing->request;
    len = receipt_print(line, receipt->id, status, false);
    line[len++] = '\n';
    uuid_to_text(receipt->id, request->order_id);
    answer_json(&request->answer, 202, xmemdup_text(line, len), len);
    answer_add(&request->answer, "Location", "/order/%s", request->order_id);
    metrics_order(status == ORDER_PLACED ? METRICS_PLACED : METRICS_PENDING);
    if (placing->stored_us != 0)
        metrics_answered(clock_monotonic_us() - placing->stored_us);
    finish(placing);
}

/* As the placement calls it: the id is known, with other content. */
static void answer_refusal(void *context, const struct json_piece *piece)
{
    struct placing *placing = placings_find(&taken, piece->number);
    struct answer *answer;

    (void)context;
    metrics_order(METRICS_REFUSED);
    if (placing == NULL)
        return;
    answer = &placing->request->answer;
    if (placing->by_key)
        answer_problem(answer, 422, ORDER_KEY_FIELD,
                       "the key was used for an order of other content");
    else
        answer_problem(answer, 422, "order_id", "%s", piece->reason);
    finish(placing);
}

static void refuse_batch(void)
{
    struct placing *next;

    for (struct placing *each = taken.first; each != NULL; each = next) {
        next = each->next;
        if (!each->in_batch)
            continue;
        try_again(&each->request->answer, 503, NULL, "the order could not be stored");
        finish(each);
    }
}

/* ---- requests ---- */

static bool is_key_in_use(const unsigned char *id)
{
    return placings_have_id(&queued, id) || placings_have_id(&taken, id);
}

/* Reads key and order. Returns false, with the answer filled in, if the order cannot be placed. */
static bool read_request(struct request *request, struct placing *placing)
{
    if (!order_request_read_key(request, &placing->by_key, placing->id))
        return false;
    if (placing->by_key && is_key_in_use(placing->id)) {
        try_again(&request->answer, 409, ORDER_KEY_FIELD,
                  "a request with this key is being answered");
        return false;
    }
    return order_request_read(request, placing->by_key, &placing->order);
}

static bool may_take(const struct service *service)
{
    return store_again_ms <= clock_monotonic_ms() && placement_has_room(service->placement);
}

static void take(struct service *service, struct placing *placing)
{
    struct request *request = placing->request;
    size_t mark = foreign_mark(request->body, request->len);
    struct json_piece piece = {.text = request->body + mark,
                               .len = request->len - mark,
                               .number = request->number,
                               .line = 1};
    char trace[TRACE_SIZE];

    placement_take(service->placement, &placing->order, placing->by_key ? placing->id : NULL,
                   request_span_trace(request, trace) ? trace : NULL, &piece);
    order_free(&placing->order);
    placing->in_batch = true;
    placings_append(&taken, placing);
}

void place_order(struct service *service, struct request *request)
{
    struct placing *placing = xcalloc(1, sizeof *placing);

    placing->request = request;
    placing->asked_ms = clock_monotonic_ms();
    if (!read_request(request, placing)) {
        order_free(&placing->order);
        free(placing);
        return;
    }
    request->context = placing;
    request->left = leave;
    request->waits = true;
    if (queued.first == NULL && may_take(service))
        take(service, placing);
    else
        placings_append(&queued, placing);
}

/* ---- rounds ---- */

/* Of a store that is locked, the first order tells whether it is still. */
static void take_queued(struct service *service)
{
    struct placing *placing;

    while ((placing = queued.first) != NULL && may_take(service)) {
        placings_take_out(placing);
        take(service, placing);
        if (store_again_ms != 0)
            break;
    }
}

static void note_stored(void)
{
    int64_t now_us = clock_monotonic_us();

    /* The batch is at the end. */
    for (struct placing *each = taken.last; each != NULL && each->in_batch; each = each->previous) {
        each->in_batch = false;
        each->stored_us = now_us;
    }
}

/* Reads the order again, which was freed when it was taken. */
static void put_back(struct placing *placing)
{
    struct order_fault fault;

    placings_take_out(placing);
    placing->in_batch = false;
    if (!order_read(&placing->order, placing->request->body, placing->request->len, &fault))
        die(EXIT_BUG, "an order cannot be read again: %s", fault.reason);
    placings_prepend(&queued, placing);
}

static void put_batch_back(void)
{
    struct placing *previous;

    for (struct placing *each = taken.last; each != NULL && each->in_batch; each = previous) {
        previous = each->previous;
        put_back(each);
    }
}

/* Another program has locked the store, for a moment or for long. */
static void try_later(struct service *service)
{
    (void)placement_abandon(service->placement);
    put_batch_back();
    store_again_ms = clock_monotonic_ms() + LOCKED_STEP_MS;
}

/* Whether it can go on after a failure to write, such as that of a full disk, depends on whether
 * the store can still be read. */
static void survive(struct service *service)
{
    if (placement_abandon(service->placement))
        refuse_batch();
    else
        note_stored();
    (void)reader_is_well(service);
}

static void refuse_those_that_waited(const struct service *service)
{
    int64_t before_ms = clock_monotonic_ms() - service->settings->confirm_wait_ms;
    struct placing *next;

    for (struct placing *each = queued.first; each != NULL; each = next) {
        next = each->next;
        if (each->asked_ms > before_ms)
            continue;
        try_again(&each->request->answer, 503, NULL, "the store is locked by another program");
        finish(each);
    }
}

static void run_round(struct service *service)
{
    bool has_batch;

    take_queued(service);
    has_batch = taken.last != NULL && taken.last->in_batch;
    if (placement_turn(service->placement) == EXIT_OK) {
        store_again_ms = has_batch ? 0 : store_again_ms;
        note_stored();
    } else if (placement_is_locked(service->placement)) {
        try_later(service);
        refuse_those_that_waited(service);
    } else {
        survive(service);
    }
}

int place_order_step(struct service *service)
{
    int due_ms;

    some_finished = false;
    run_round(service);
    due_ms = placement_due_ms(service->placement);
    if (some_finished || (queued.first != NULL && may_take(service)))
        return 0;
    if (queued.first != NULL && store_again_ms != 0 && (due_ms < 0 || due_ms > LOCKED_STEP_MS))
        return LOCKED_STEP_MS;
    return due_ms;
}

bool place_order_is_idle(const struct service *service)
{
    return queued.first == NULL && taken.first == NULL && placement_is_idle(service->placement);
}

/* ---- the whole ---- */

enum exit_code place_order_open(struct service *service, const struct broker_options *options)
{
    struct placement_settings settings = {.options = options,
                                          .never_waits = true,
                                          .patience_ms = service->settings->confirm_wait_ms,
                                          .refuse = answer_refusal,
                                          .tell = answer_receipt};

    return placement_open(&settings, &service->placement);
}

void place_order_close(struct service *service)
{
    if (service->placement != NULL && placement_verdict(service->placement) != EXIT_OK)
        report("orders are pending: the next start, or order-place --flush, publishes them");
    placement_close(service->placement);
    service->placement = NULL;
}
