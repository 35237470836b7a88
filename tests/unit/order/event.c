#include "order/event.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY "\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"s\",\"qty\":2}]"

static void reads_an_order_that_was_placed(void)
{
    static const char text[] =
        "\xEF\xBB\xBF{\"event_type\":\"OrderPlaced\",\"order_id\":\"any text\"," BODY ",\"ts\":7}";
    struct order_fault fault;
    struct order order;

    if (!EQUAL(event_read(&order, EVENT_PLACED, text, sizeof text - 1, &fault), EVENT_SOUND))
        return;
    SAME(order.order_id, "any text");
    SAME(order.user_id, "u");
    SAME(order.restaurant_id, "r");
    EQUAL(order.item_count, 1);
    SAME(order.items[0].sku, "s");
    EQUAL(order.items[0].qty, 2);
    order_free(&order);
}

static void leaves_out_a_contact_that_is_no_contact(void)
{
    static const char *const rows[][2] = {
        {"\"a@b\"", "\"a@b\""}, {"{\"tel\": 1}", "{\"tel\":1}"}, {"7", NULL}, {"\"\"", NULL}};
    struct order_fault fault;
    struct order order;
    char text[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i][0]);
        (void)snprintf(text, sizeof text,
                       "{\"event_type\":\"OrderPlaced\",\"order_id\":\"1\",\"contact\":%s," BODY
                       "}",
                       rows[i][0]);
        if (!EQUAL(event_read(&order, EVENT_PLACED, text, strlen(text), &fault), EVENT_SOUND))
            continue;
        SAME(order.contact, rows[i][1]);
        order_free(&order);
    }
}

static void reads_no_more_than_the_id_of_others(void)
{
    static const char text[] =
        "{\"event_type\":\"InventoryReserved\",\"order_id\":\"1\",\"items\":\"none\"}";
    struct order_fault fault;
    struct order order;

    if (!EQUAL(event_read(&order, EVENT_RESERVED, text, sizeof text - 1, &fault), EVENT_SOUND))
        return;
    SAME(order.order_id, "1");
    SAME(order.user_id, NULL);
    EQUAL(order.item_count, 0);
    order_free(&order);
}

static void refuses_other_types_and_what_is_malformed(void)
{
    static const struct {
        const char *text;
        enum event_verdict verdict;
        const char *reason;
    } rows[] = {
        {"x", EVENT_MALFORMED, "not JSON: no JSON value starts like this (byte 1)"},
        {"[]", EVENT_MALFORMED, "not a JSON object, but an array"},
        {"{}", EVENT_MALFORMED, "event_type is missing"},
        {"{\"event_type\":1}", EVENT_MALFORMED, "event_type is not a string"},
        {"{\"eventType\":\"OrderPlaced\"}", EVENT_MALFORMED,
         "event_type is missing: 'eventType' is not its name"},
        {"{\"event_type\":\"OrderPlaced\",\"event_type\":\"OrderPlaced\"}", EVENT_MALFORMED,
         "event_type is there twice"},
        {"{\"event_type\":\"Other\"}", EVENT_OTHER_TYPE,
         "event_type is 'Other', not 'OrderPlaced'"},
        {"{\"event_type\":\"orderplaced\"}", EVENT_OTHER_TYPE,
         "event_type is 'orderplaced', not 'OrderPlaced'"},
        {"{\"event_type\":\"OrderPlaced\"," BODY "}", EVENT_MALFORMED, "order_id is missing"},
        {"{\"event_type\":\"OrderPlaced\",\"order_id\":\"\"," BODY "}", EVENT_MALFORMED,
         "order_id is empty"},
        {"{\"event_type\":\"OrderPlaced\",\"order_id\":\"1\"}", EVENT_MALFORMED,
         "user_id is missing"},
        {"{\"event_type\":\"OrderPlaced\",\"order_id\":\"1\",\"user_id\":\"u\"}", EVENT_MALFORMED,
         "restaurant_id is missing"},
    };
    struct order_fault fault;
    struct order order;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].text);
        EQUAL(event_read(&order, EVENT_PLACED, rows[i].text, strlen(rows[i].text), &fault),
              rows[i].verdict);
        SAME(fault.reason, rows[i].reason);
        CHECK(order.texts == NULL && order.items == NULL);
    }
}

static void takes_ids_of_128_bytes(void)
{
    struct order_fault fault;
    struct order order;
    char text[256];

    (void)snprintf(text, sizeof text,
                   "{\"event_type\":\"InventoryReserved\",\"order_id\":\"%0128d\"}", 0);
    EQUAL(event_read(&order, EVENT_RESERVED, text, strlen(text), &fault), EVENT_SOUND);
    order_free(&order);
    (void)snprintf(text, sizeof text,
                   "{\"event_type\":\"InventoryReserved\",\"order_id\":\"%0129d\"}", 0);
    EQUAL(event_read(&order, EVENT_RESERVED, text, strlen(text), &fault), EVENT_MALFORMED);
    SAME(fault.reason, "order_id is longer than 128 bytes");
}

static void takes_events_up_to_a_size(void)
{
    static const char event[] = "{\"event_type\":\"InventoryReserved\",\"order_id\":\"1\"}";
    char *text = malloc(EVENT_MAX_SIZE + 1);
    struct order_fault fault;
    struct order order;

    if (!CHECK(text != NULL))
        return;
    memset(text, ' ', EVENT_MAX_SIZE + 1);
    memcpy(text, event, sizeof event - 1);
    EQUAL(event_read(&order, EVENT_RESERVED, text, EVENT_MAX_SIZE, &fault), EVENT_SOUND);
    order_free(&order);
    EQUAL(event_read(&order, EVENT_RESERVED, text, EVENT_MAX_SIZE + 1, &fault), EVENT_MALFORMED);
    free(text);
}

static void prints_events(void)
{
    struct order_item items[] = {{"a\"b", 1}, {"\xC3\xBC", 1000000}};
    char contact[] = "{\"mail\":\"a@b\"}";
    const struct order order = {
        .user_id = "u", .restaurant_id = "r", .items = items, .item_count = 2, .contact = contact};
    char *text = event_print(&order, EVENT_FAILED, "1", 1769903999007, "sku 'a\"b'");

    SAME(text, "{\"event_type\":\"InventoryFailed\",\"order_id\":\"1\",\"user_id\":\"u\","
               "\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"a\\\"b\",\"qty\":1},"
               "{\"sku\":\"\xC3\xBC\",\"qty\":1000000}],"
               "\"contact\":{\"mail\":\"a@b\"},\"ts\":\"2026-01-31T23:59:59.007Z\","
               "\"reason\":\"sku 'a\\\"b'\"}");
    free(text);
    items[0].sku = "s";
    text = event_print(
        &(struct order){.user_id = "u", .restaurant_id = "r", .items = items, .item_count = 1},
        EVENT_PLACED, "1", 0, NULL);
    SAME(text, "{\"event_type\":\"OrderPlaced\",\"order_id\":\"1\",\"user_id\":\"u\","
               "\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"s\",\"qty\":1}],"
               "\"ts\":\"1970-01-01T00:00:00.000Z\"}");
    free(text);
}

int main(void)
{
    RUN(reads_an_order_that_was_placed);
    RUN(leaves_out_a_contact_that_is_no_contact);
    RUN(reads_no_more_than_the_id_of_others);
    RUN(refuses_other_types_and_what_is_malformed);
    RUN(takes_ids_of_128_bytes);
    RUN(takes_events_up_to_a_size);
    RUN(prints_events);
    return unit_end();
}
