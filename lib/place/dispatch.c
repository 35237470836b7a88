#include "place/dispatch.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "message/event_properties.h"
#include "message/trace_headers.h"
#include "order/event.h"

#include <string.h>

void dispatch_open(struct dispatch *dispatch, const struct broker_options *options,
                   struct receipts *receipts, bool never_waits)
{
    *dispatch = (struct dispatch){
        .publisher =
            publisher_new(options, &(struct publisher_settings){.declare = topology_declare_orders,
                                                                .repair = topology_declare}),
        .receipts = receipts,
        .confirmed = {.scale = &histogram_seconds},
        .never_waits = never_waits};
}

void dispatch_close(struct dispatch *dispatch)
{
    publisher_free(dispatch->publisher);
    send_spans_free(&dispatch->spans);
    adrift_free(&dispatch->adrift);
}

/* One that never waits offers what it has left again and again, and says so the first time. */
static void note_refusal(struct dispatch *dispatch, const unsigned char *order_id, uint64_t number)
{
    char id[UUID_TEXT_SIZE];

    dispatch->some_refused = true;
    if (dispatch->never_waits && number == 0)
        return;
    uuid_to_text(order_id, id);
    report("order %s is stored, but the broker did not take it: %s", id,
           publisher_reason(dispatch->publisher));
}

static void take_awaited(struct dispatch *dispatch, struct receipt *receipt,
                         enum publish_result result, int64_t now_us)
{
    if (result == PUBLISH_CONFIRMED && receipt->stored_us != 0)
        histogram_observe(&dispatch->confirmed, now_us - receipt->stored_us);
    receipt->state = result == PUBLISH_CONFIRMED ? RECEIPT_CONFIRMED : RECEIPT_PENDING;
    if (result != PUBLISH_CONFIRMED)
        note_refusal(dispatch, receipt->id, receipt->number);
}

/* Returns whether the order whose receipt has that number was adrift. */
static bool take_adrift(struct dispatch *dispatch, uint64_t number, enum publish_result result)
{
    struct adrift_order order;

    if (!adrift_take(&dispatch->adrift, number, &order))
        return false;
    if (result == PUBLISH_CONFIRMED)
        adrift_confirm(&dispatch->adrift, order.key);
    else
        note_refusal(dispatch, order.id, 0);
    return true;
}

void dispatch_take_results(struct dispatch *dispatch)
{
    int64_t now_us = 0;
    uint64_t number;
    enum publish_result result;

    while (publisher_next(dispatch->publisher, &number, &result)) {
        if (now_us == 0)
            now_us = clock_monotonic_us();
        send_spans_take(&dispatch->spans, dispatch->publisher, number, result);
        if (!take_adrift(dispatch, number, result))
            take_awaited(dispatch, receipts_at(dispatch->receipts, number), result, now_us);
    }
}

/* Gives the broker up: orders on their way are left pending. Returns code, if that is a failure. */
static enum exit_code go_offline(struct dispatch *dispatch, enum exit_code code)
{
    dispatch_take_results(dispatch);
    publisher_forget(dispatch->publisher);
    send_spans_forget(&dispatch->spans);
    receipts_change(dispatch->receipts, RECEIPT_AWAITED, RECEIPT_PENDING);
    dispatch->is_offline = true;
    dispatch->offline_since_ms = clock_monotonic_ms();
    return code == EXIT_UNREACHABLE ? EXIT_OK : code;
}

enum exit_code dispatch_connect(struct dispatch *dispatch)
{
    enum exit_code code;

    if (dispatch->never_waits) {
        bool is_up = publisher_keep(dispatch->publisher);

        dispatch->has_tried = dispatch->has_tried || is_up ||
                              connection_has_failed(publisher_connection(dispatch->publisher));
        return EXIT_OK;
    }
    if (dispatch->is_offline)
        return EXIT_OK;
    code = publisher_open(dispatch->publisher);
    return code == EXIT_OK ? EXIT_OK : go_offline(dispatch, code);
}

static enum exit_code make_room(struct dispatch *dispatch)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !publisher_has_room(dispatch->publisher)) {
        code = publisher_wait(dispatch->publisher);
        dispatch_take_results(dispatch);
    }
    return code;
}

bool dispatch_is_away(const struct dispatch *dispatch)
{
    const struct connection *connection = publisher_connection(dispatch->publisher);

    return !connection_is_up(connection) || connection_is_blocked(connection);
}

bool dispatch_is_ready(const struct dispatch *dispatch)
{
    return !dispatch_is_away(dispatch) && dispatch->adrift.count == 0;
}

size_t dispatch_room(const struct dispatch *dispatch)
{
    return dispatch_is_ready(dispatch) ? publisher_room(dispatch->publisher) : 0;
}

void dispatch_let_go(struct dispatch *dispatch, int64_t before_ms, uint64_t end)
{
    bool at_once = dispatch_is_away(dispatch);
    struct receipt *receipt;
    uint64_t at = 0;

    while ((receipt = receipts_next(dispatch->receipts, RECEIPT_AWAITED, &at)) != NULL &&
           at <= end && (at_once || receipt->since_ms <= before_ms)) {
        struct adrift_order order = {.receipt = at - 1, .key = receipt->key};

        memcpy(order.id, receipt->id, UUID_BYTES);
        adrift_add(&dispatch->adrift, &order);
        receipt->state = RECEIPT_PENDING;
    }
    /* The store does not take what the broker has confirmed. */
    at = 0;
    while ((receipt = receipts_next(dispatch->receipts, RECEIPT_CONFIRMED, &at)) != NULL &&
           receipt->since_ms <= before_ms) {
        adrift_confirm(&dispatch->adrift, receipt->key);
        receipt->state = RECEIPT_PENDING;
    }
}

enum exit_code dispatch_publish(struct dispatch *dispatch, const unsigned char *id,
                                const char *event, const char *trace, uint64_t number)
{
    amqp_basic_properties_t properties;
    struct trace_headers headers;
    struct message message = {
        .exchange = ORDERS_EXCHANGE, .routing_key = PLACED_KEY, .properties = &properties};
    char order_id[UUID_TEXT_SIZE];
    char message_id[UUID_TEXT_SIZE];
    enum exit_code code;

    if (dispatch->never_waits ? dispatch_room(dispatch) == 0 : dispatch->is_offline) {
        receipts_at(dispatch->receipts, number)->state = RECEIPT_PENDING;
        dispatch->some_left = true;
        return EXIT_OK;
    }
    uuid_to_text(id, order_id);
    message_id_of(EVENT_PLACED, order_id, message_id);
    event_properties(&properties, EVENT_PLACED, order_id, message_id);
    message.body = amqp_cstring_bytes(event);
    code = make_room(dispatch);
    if (code == EXIT_OK) {
        send_spans_add(&dispatch->spans, &message, &properties, &headers, trace, number);
        code = publisher_send(dispatch->publisher, &message, number);
    }
    return code == EXIT_OK ? EXIT_OK : go_offline(dispatch, code);
}

enum exit_code dispatch_drain(struct dispatch *dispatch)
{
    enum exit_code code;

    if (publisher_pending(dispatch->publisher) == 0)
        return EXIT_OK;
    code = publisher_wait_all(dispatch->publisher);
    dispatch_take_results(dispatch);
    if (code != EXIT_OK)
        return go_offline(dispatch, code);
    publisher_leave(dispatch->publisher);
    return EXIT_OK;
}

bool dispatch_retry(struct dispatch *dispatch, int64_t delay_ms)
{
    if (!dispatch->is_offline || clock_monotonic_ms() - dispatch->offline_since_ms < delay_ms)
        return false;
    dispatch->offline_since_ms = clock_monotonic_ms();
    if (publisher_try(dispatch->publisher) != EXIT_OK)
        return false;
    dispatch->is_offline = false;
    return true;
}
