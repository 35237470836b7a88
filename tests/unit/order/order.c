#include "order/order.h"

#include "unit.h"

#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define REST "\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"s\",\"qty\":1}]"

static void reads_an_order(void)
{
    static const char text[] =
        "{\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[{\"sku\":\"a\","
        "\"qty\":1},{\"sku\":\"b\",\"qty\":1000000.0,\"note\":[null]}],"
        "\"note\":1,\"note\":2,\"odd\":\"\\u0000\"}";
    struct order_fault fault;
    struct order order;

    if (!CHECK(order_read(&order, text, sizeof text - 1, &fault)))
        return;
    SAME(order.order_id, NULL);
    SAME(order.user_id, "u");
    SAME(order.restaurant_id, "r");
    EQUAL(order.item_count, 2);
    SAME(order.items[0].sku, "a");
    EQUAL(order.items[0].qty, 1);
    SAME(order.items[1].sku, "b");
    EQUAL(order.items[1].qty, 1000000);
    order_free(&order);
    CHECK(order.items == NULL && order.texts == NULL);
}

static void reads_an_order_with_an_id_or_a_byte_order_mark(void)
{
    static const char text[] = "\xEF\xBB\xBF{\"order_id\":\"" ID "\",\"user_id\":\"u\"," REST "}";
    struct order_fault fault;
    struct order order;

    if (CHECK(order_read(&order, text, sizeof text - 1, &fault))) {
        SAME(order.order_id, ID);
        order_free(&order);
    }
}

static void reads_a_piece_of_a_stream(void)
{
    static const char text[] = "{\"user_id\":\"\\ud800\"," REST "}";
    struct json_piece piece = {.text = "{\"user_id\":\"u\"," REST "}"};
    struct order_fault fault;
    struct order order;

    piece.len = strlen(piece.text);
    if (CHECK(order_read_piece(&order, &piece, &fault))) {
        SAME(order.user_id, "u");
        order_free(&order);
    }
    piece = (struct json_piece){.text = text, .len = sizeof text - 1, .traits = JSON_ODD_TEXT};
    CHECK(!order_read_piece(&order, &piece, &fault));
    SAME(fault.reason, "user_id has a control character, or half of a surrogate pair");
    piece = (struct json_piece){.text = "1", .len = 1};
    CHECK(!order_read_piece(&order, &piece, &fault));
    SAME(fault.reason, "not a JSON object");
}

static void check_refused(const char *text, const char *reason)
{
    struct order_fault fault;
    struct order order;

    unit_row(text);
    CHECK(!order_read(&order, text, strlen(text), &fault));
    SAME(fault.reason, reason);
}

static void refuses_what_is_not_json(void)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"", "not JSON: it is empty"},
        {" \n", "not JSON: it is empty"},
        {"\x1F\x8B\x08", "not JSON: it looks like gzip data"},
        {"<order/>", "not JSON: it looks like XML or HTML"},
        {"user_id: u", "not JSON: it looks like YAML"},
        {"true: u", "not JSON: something follows the value (byte 5)"},
        {"{\"a\":x}", "not JSON: no JSON value starts like this (byte 6)"},
        {"{} {}", "not JSON: something follows the value (byte 4)"},
        {"{", "not JSON: the input ends within a value (byte 2)"},
        {"1", "not a JSON object"},
        {"[]", "not a JSON object, but an array"},
        {"\"{\\\"a\\\":1}\"", "not a JSON object, but a string with JSON in it"},
        {"\" {\"", "not a JSON object, but a string with JSON in it"},
        {"\"a\"", "not a JSON object"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        check_refused(rows[i].text, rows[i].reason);
}

static void refuses_members_that_are_missing_twice_or_wrong(void)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"{" REST "}", "user_id is missing"},
        {"{\"userId\":\"u\"," REST "}", "user_id is missing: 'userId' is not its name"},
        {"{\"USER-ID\":\"u\"," REST "}", "user_id is missing: 'USER-ID' is not its name"},
        {"{\"user_ids\":\"u\"," REST "}", "user_id is missing"},
        {"{\"data\":{\"user_id\":\"u\"}," REST "}", "user_id is missing: it stands within 'data'"},
        {"{\"user_id\":\"u\",\"user_id\":\"v\"," REST "}", "user_id is there twice"},
        {"{\"user_id\":7," REST "}", "user_id is not a string"},
        {"{\"user_id\":\"\"," REST "}", "user_id is empty"},
        {"{\"user_id\":\"a\\nb\"," REST "}", "user_id has a control character"},
        {"{\"user_id\":\"a\\u0000\"," REST "}", "user_id has a control character"},
        {"{\"user_id\":\"a\\udc00\"," REST "}",
         "user_id has a control character, or half of a surrogate pair"},
        {"{\"user_id\":\"\xE2\x80\xAE\"," REST "}", "user_id has a control character"},
        {"{\"order_id\":\"x\",\"user_id\":\"u\"," REST "}", "order_id is not a UUID"},
        {"{\"order_id\":null,\"user_id\":\"u\"," REST "}", "order_id is not a UUID"},
        {"{\"order_id\":\"" ID "\",\"order_id\":\"" ID "\"}", "order_id is there twice"},
        {"{\"user_id\":\"u\",\"items\":[]}", "restaurant_id is missing"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        check_refused(rows[i].text, rows[i].reason);
}

#define WITH(contact) "{\"contact\":" contact ",\"user_id\":\"u\"," REST "}"

static void reads_a_contact(void)
{
    static const struct {
        const char *text;
        const char *contact;
    } rows[] = {
        {"{\"user_id\":\"u\"," REST "}", NULL},
        {WITH("\"a@b\""), "\"a@b\""},
        {WITH(" { \"tel\" :\t[ 1.0,\"a  b\\n\" ]\n} "), "{\"tel\":[1.0,\"a  b\\n\"]}"},
        {WITH("{}"), "{}"},
        {WITH("{\"a\":\"\xC2\x9B\x7F\xE2\x80\xAE\"}"), "{\"a\":\"\\u009b\\u007f\\u202e\"}"},
    };
    struct order_fault fault;
    struct order order;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].text);
        if (!CHECK(order_read(&order, rows[i].text, strlen(rows[i].text), &fault)))
            continue;
        SAME(order.contact, rows[i].contact);
        order_free(&order);
        CHECK(order.contact == NULL);
    }
}

static void refuses_a_contact_that_is_wrong_and_reads_a_stored_order_without_it(void)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {WITH("null"), "contact is not a string or an object"},
        {WITH("7"), "contact is not a string or an object"},
        {WITH("[\"a@b\"]"), "contact is not a string or an object"},
        {WITH("\"\""), "contact is empty"},
        {WITH("\"a@b\\nBcc: c@d\""), "contact has a control character"},
        {WITH("\"\xC2\x9B\""), "contact has a control character"},
        {WITH("{\"a\":\"\\u0000\"}"),
         "contact is ambiguous: a string has the escape of NUL, or half of a surrogate pair"},
        {WITH("{\"a\":\"\\ud800\"}"),
         "contact is ambiguous: a string has the escape of NUL, or half of a surrogate pair"},
        {WITH("{\"a\":{\"b\":1,\"b\":2}}"),
         "contact is ambiguous: an object has the same key twice"},
        {WITH("\"a\",\"contact\":\"a\""), "contact is there twice"},
    };
    struct order_fault fault;
    struct order order;

    for (size_t i = 0; i < COUNT(rows); i++) {
        check_refused(rows[i].text, rows[i].reason);
        if (!CHECK(order_read_stored(&order, rows[i].text, strlen(rows[i].text), &fault)))
            continue;
        SAME(order.contact, NULL);
        SAME(order.user_id, "u");
        order_free(&order);
    }
    CHECK(!order_read_stored(&order, "{\"contact\":\"a\"}", 15, &fault));
    SAME(fault.reason, "user_id is missing");
}

static void takes_a_contact_of_1024_bytes_and_any_white_space(void)
{
    struct order_fault fault;
    struct order order;
    char text[4096];

    (void)snprintf(text, sizeof text, WITH(" {%1000s \"a\" : \"%01016d\" }"), "", 0);
    if (CHECK(order_read(&order, text, strlen(text), &fault))) {
        EQUAL(strlen(order.contact), ORDER_MAX_CONTACT);
        order_free(&order);
    }
    (void)snprintf(text, sizeof text, WITH("{\"a\":\"%01017d\"}"), 0);
    CHECK(!order_read(&order, text, strlen(text), &fault));
    SAME(fault.reason, "contact is longer than 1024 bytes");
}

static void refuses_items_that_are_wrong(void)
{
    static const struct {
        const char *items;
        const char *reason;
    } rows[] = {
        {"{}", "items is not an array"},
        {"[]", "items is empty"},
        {"[1]", "items[0] is not an object"},
        {"[{\"sku\":\"a\",\"qty\":1},[]]", "items[1] is not an object"},
        {"[{\"qty\":1}]", "items[0].sku is missing"},
        {"[{\"sku\":\"a\"}]", "items[0].qty is missing"},
        {"[{\"sku\":\"a\",\"Qty\":1}]", "items[0].qty is missing: 'Qty' is not its name"},
        {"[{\"sku\":\"a\",\"qty\":\"1\"}]", "items[0].qty is not a number"},
        {"[{\"sku\":\"a\",\"qty\":0}]", "items[0].qty is not an integer from 1 to 1000000"},
        {"[{\"sku\":\"a\",\"qty\":-1}]", "items[0].qty is not an integer from 1 to 1000000"},
        {"[{\"sku\":\"a\",\"qty\":1000001}]", "items[0].qty is not an integer from 1 to 1000000"},
        {"[{\"sku\":\"a\",\"qty\":1.5}]", "items[0].qty is not an integer from 1 to 1000000"},
        {"[{\"sku\":\"a\",\"qty\":1},{\"sku\":\"\",\"qty\":1}]", "items[1].sku is empty"},
        {"[{\"sku\":\"a\",\"sku\":\"b\",\"qty\":1}]", "items[0].sku is there twice"},
    };
    char text[256];

    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)snprintf(text, sizeof text,
                       "{\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":%s}", rows[i].items);
        check_refused(text, rows[i].reason);
    }
}

/* Reads an order with so many items, and a user_id of so many bytes, padded to so many in all. */
static bool read_large(size_t items, size_t user_id, size_t bytes, struct order_fault *fault)
{
    char *text = calloc(ORDER_MAX_SIZE + 4096, 1);
    struct order order;
    size_t len = 0;
    bool taken;

    if (!CHECK(text != NULL))
        return false;
    len += (size_t)sprintf(text, "{\"user_id\":\"%0*d\",\"restaurant_id\":\"r\",\"items\":[",
                           (int)user_id, 0);
    for (size_t i = 0; i < items; i++)
        len += (size_t)sprintf(text + len, "%s{\"sku\":\"s\",\"qty\":1}", i > 0 ? "," : "");
    len += (size_t)sprintf(text + len, "]}");
    if (len < bytes) {
        memset(text + len, ' ', bytes - len);
        len = bytes;
    }
    taken = order_read(&order, text, len, fault);
    if (taken)
        order_free(&order);
    free(text);
    return taken;
}

static void takes_orders_up_to_its_limits(void)
{
    struct order_fault fault;

    CHECK(read_large(ORDER_MAX_ITEMS, 1, 0, &fault));
    CHECK(!read_large(ORDER_MAX_ITEMS + 1, 1, 0, &fault));
    SAME(fault.reason, "items has more than 1000 entries");
    CHECK(read_large(1, ORDER_MAX_TEXT, 0, &fault));
    CHECK(!read_large(1, ORDER_MAX_TEXT + 1, 0, &fault));
    SAME(fault.reason, "user_id is longer than 256 bytes");
    CHECK(read_large(1, 1, ORDER_MAX_SIZE, &fault));
    CHECK(!read_large(1, 1, ORDER_MAX_SIZE + 1, &fault));
    SAME(fault.reason, "too large: over 1048576 bytes");
}

static void tells_text_that_is_not_json_from_json_that_is_no_order(void)
{
    static const char *const json[] = {"{}", " [1]", "\xEF\xBB\xBF{\"user_id\": 1}", "null"};
    static const char *const other[] = {"", "x", "{} {}", "{\"user_id\": }"};
    struct order_fault fault;
    struct order order;

    for (size_t i = 0; i < COUNT(json); i++) {
        CHECK(!order_read(&order, json[i], strlen(json[i]), &fault));
        CHECK(fault.is_json);
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        CHECK(!order_read(&order, other[i], strlen(other[i]), &fault));
        CHECK(!fault.is_json);
    }
}

static void compares_content(void)
{
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } rows[] = {
        {"{\"a\":1}", "{\"a\":1}", true},
        {"{\"a\":1}", "{ \"a\": 1.0 }", true},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"{\"order_id\":\"x\",\"a\":1}", "{\"a\":1,\"order_id\":\"y\"}", true},
        {"{\"order_id\":\"x\",\"a\":1}", "{\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":2}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
        {"{\"a\":\"x\"}", "{\"a\":\"X\"}", false},
        {"{\"a\":{\"order_id\":1}}", "{\"a\":{\"order_id\":2}}", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].b);
        EQUAL(order_same(rows[i].a, strlen(rows[i].a), rows[i].b, strlen(rows[i].b)), rows[i].same);
    }
}

int main(void)
{
    RUN(reads_an_order);
    RUN(reads_an_order_with_an_id_or_a_byte_order_mark);
    RUN(reads_a_piece_of_a_stream);
    RUN(refuses_what_is_not_json);
    RUN(refuses_members_that_are_missing_twice_or_wrong);
    RUN(reads_a_contact);
    RUN(refuses_a_contact_that_is_wrong_and_reads_a_stored_order_without_it);
    RUN(takes_a_contact_of_1024_bytes_and_any_white_space);
    RUN(refuses_items_that_are_wrong);
    RUN(takes_orders_up_to_its_limits);
    RUN(tells_text_that_is_not_json_from_json_that_is_no_order);
    RUN(compares_content);
    return unit_end();
}
