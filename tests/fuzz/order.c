/*
 * Orders and events: what is read can be printed, as cJSON would print it, and what was printed is
 * read as the same. What a stream has scanned is judged like what was not.
 */
#include "order/order.h"

#include "base/text.h"
#include "json/json.h"
#include "order/event.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_fault(const struct order_fault *fault)
{
    assert(text_is_printable(fault->reason, strlen(fault->reason), sizeof fault->reason));
    assert(strlen(fault->reason) < sizeof fault->reason);
}

static void check_same(const struct order *a, const struct order *b)
{
    assert(strcmp(a->user_id, b->user_id) == 0 && strcmp(a->restaurant_id, b->restaurant_id) == 0);
    assert((a->contact == NULL) == (b->contact == NULL));
    assert(a->contact == NULL || strcmp(a->contact, b->contact) == 0);
    assert(a->item_count == b->item_count);
    for (size_t i = 0; i < a->item_count; i++) {
        assert(strcmp(a->items[i].sku, b->items[i].sku) == 0);
        assert(a->items[i].qty == b->items[i].qty);
        assert(a->items[i].qty >= 1 && a->items[i].qty <= ORDER_MAX_QTY);
        assert(text_is_printable(a->items[i].sku, strlen(a->items[i].sku), ORDER_MAX_TEXT));
    }
}

/* A contact is written as it was. */
static void check_printed(const struct order *order, const char *event)
{
    const char *reason;
    cJSON *tree = json_parse(event, strlen(event), &reason);

    assert(tree != NULL);
    assert(strchr(event, '\n') == NULL);
    if (order->contact == NULL) {
        char *printed = json_print(tree);

        assert(strcmp(printed, event) == 0);
        cJSON_free(printed);
    }
    cJSON_Delete(tree);
}

static void check_round_trip(const struct order *order, const char *order_id)
{
    struct order_fault fault;
    struct order again;
    char *event = event_print(order, EVENT_PLACED, order_id, 0, NULL);

    check_printed(order, event);
    assert(event_read(&again, EVENT_PLACED, event, strlen(event), &fault) == EVENT_SOUND);
    assert(strcmp(again.order_id, order_id) == 0);
    check_same(order, &again);
    order_free(&again);
    assert(event_read(&again, EVENT_FAILED, event, strlen(event), &fault) == EVENT_OTHER_TYPE);
    free(event);
    event = event_print(order, EVENT_FAILED, order_id, 0, "reason");
    check_printed(order, event);
    assert(event_read(&again, EVENT_FAILED, event, strlen(event), &fault) == EVENT_SOUND);
    assert(strcmp(again.order_id, order_id) == 0);
    order_free(&again);
    free(event);
}

static void check_piece(const struct json_piece *piece)
{
    struct order_fault fault;
    struct order_fault other;
    struct order order;
    struct order again;

    if (!order_read(&order, piece->text, piece->len, &fault)) {
        assert(!order_read_piece(&again, piece, &other));
        assert(strcmp(fault.reason, other.reason) == 0);
        return;
    }
    assert(order_read_piece(&again, piece, &other));
    check_same(&order, &again);
    order_free(&order);
    order_free(&again);
}

static void check_stream(const char *text, size_t len)
{
    int ends[2];
    struct json_stream *stream;
    struct json_piece piece;
    enum json_stream_event event;

    /* More might not go into the pipe. */
    if (len > 32768 || pipe(ends) != 0)
        return;
    assert(write(ends[1], text, len) == (ssize_t)len);
    (void)close(ends[1]);
    stream = json_stream_new(ends[0], ORDER_MAX_SIZE);
    while ((event = json_stream_next(stream, &piece)) != JSON_STREAM_END) {
        if (event == JSON_STREAM_EMPTY)
            assert(json_stream_fill(stream));
        else if (event == JSON_STREAM_VALUE)
            check_piece(&piece);
    }
    json_stream_free(stream);
    (void)close(ends[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct order_fault fault = {0};
    struct order order;

    check_stream(text, size);
    if (order_read(&order, text, size, &fault)) {
        check_round_trip(&order, "0190a0b0-0000-7000-8000-000000000001");
        order_free(&order);
        assert(order_same(text, size, text, size));
    } else {
        check_fault(&fault);
    }
    memset(&fault, 0, sizeof fault);
    if (event_read(&order, EVENT_PLACED, text, size, &fault) == EVENT_SOUND) {
        check_round_trip(&order, order.order_id);
        order_free(&order);
    } else {
        check_fault(&fault);
    }
    memset(&fault, 0, sizeof fault);
    if (event_read(&order, EVENT_RESERVED, text, size, &fault) == EVENT_SOUND)
        order_free(&order);
    else
        check_fault(&fault);
    return 0;
}
