#include "place/dispatch.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "message/event_properties.h"
#include "order/event.h"

void dispatch_open(struct dispatch *dispatch, const struct broker_options *options,
                   struct receipts *receipts)
{
    *dispatch = (struct dispatch){
        .publisher =
            publisher_new(options, &(struct publisher_settings){.declare = topology_declare_orders,
                                                                .repair = topology_declare}),
        .receipts = receipts};
}

void dispatch_close(struct dispatch *dispatch)
{
    publisher_free(dispatch->publisher);
}

void dispatch_take_results(struct dispatch *dispatch)
{
    uint64_t number;
    enum publish_result result;

    while (publisher_next(dispatch->publisher, &number, &result)) {
        struct receipt *receipt = receipts_at(dispatch->receipts, number);
        char id[UUID_TEXT_SIZE];

        receipt->state = result == PUBLISH_CONFIRMED ? RECEIPT_CONFIRMED : RECEIPT_PENDING;
        if (result == PUBLISH_CONFIRMED)
            continue;
        uuid_to_text(receipt->id, id);
        report("order %s is stored, but the broker did not take it: %s", id,
               publisher_reason(dispatch->publisher));
        dispatch->some_refused = true;
    }
}

/* Gives the broker up: orders on their way are left pending. Returns code, if that is a failure. */
static enum exit_code go_offline(struct dispatch *dispatch, enum exit_code code)
{
    dispatch_take_results(dispatch);
    publisher_forget(dispatch->publisher);
    receipts_change(dispatch->receipts, RECEIPT_AWAITED, RECEIPT_PENDING);
    dispatch->is_offline = true;
    dispatch->offline_since_ms = clock_monotonic_ms();
    return code == EXIT_UNREACHABLE ? EXIT_OK : code;
}

enum exit_code dispatch_connect(struct dispatch *dispatch)
{
    enum exit_code code;

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

enum exit_code dispatch_publish(struct dispatch *dispatch, const unsigned char *id,
                                const char *event, uint64_t number)
{
    amqp_basic_properties_t properties;
    struct message message = {
        .exchange = ORDERS_EXCHANGE, .routing_key = PLACED_KEY, .properties = &properties};
    char order_id[UUID_TEXT_SIZE];
    char message_id[UUID_TEXT_SIZE];
    enum exit_code code;

    if (dispatch->is_offline) {
        receipts_at(dispatch->receipts, number)->state = RECEIPT_PENDING;
        return EXIT_OK;
    }
    uuid_to_text(id, order_id);
    message_id_of(EVENT_PLACED, order_id, message_id);
    event_properties(&properties, EVENT_PLACED, order_id, message_id);
    message.body = amqp_cstring_bytes(event);
    code = make_room(dispatch);
    if (code == EXIT_OK)
        code = publisher_send(dispatch->publisher, &message, number);
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
