#include "order-http/etag.h"

#include "unit.h"

#include <string.h>

static struct stored_order some_order(void)
{
    struct stored_order order = {.key = 7, .placed_at = 1772323200000, .status = ORDER_PENDING};

    memset(order.id, 0x1A, UUID_BYTES);
    return order;
}

static void is_strong_and_quoted(void)
{
    struct stored_order order = some_order();
    char etag[ETAG_SIZE];

    etag_of(&order, etag);
    SAME(etag, "\"1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a-19ca6b1dc00-a0-2\"");
    order.placed_at = INT64_MAX;
    etag_of(&order, etag);
    EQUAL(etag[strlen(etag) - 1], '"');
}

static void differs_with_id_time_and_status(void)
{
    struct stored_order order = some_order();
    char first[ETAG_SIZE];
    char other[ETAG_SIZE];

    etag_of(&order, first);
    order.key++;
    etag_of(&order, other);
    SAME(other, first);
    order.status = ORDER_PLACED;
    etag_of(&order, other);
    CHECK(strcmp(first, other) != 0);
    order = some_order();
    order.reached_at[ORDER_FAILED] = 1;
    etag_of(&order, other);
    CHECK(strcmp(first, other) != 0);
    order = some_order();
    order.placed_at++;
    etag_of(&order, other);
    CHECK(strcmp(first, other) != 0);
    order = some_order();
    order.id[15]++;
    etag_of(&order, other);
    CHECK(strcmp(first, other) != 0);
}

static void is_found_in_a_list(void)
{
    static const struct {
        const char *list;
        bool found;
    } rows[] = {
        {"\"a-1\"", true},
        {"W/\"a-1\"", true},
        {"*", true},
        {" * ", true},
        {"\"b\", \"a-1\"", true},
        {"\"b\",W/\"a-1\" , \"c\"", true},
        {", ,\"a-1\",", true},
        {"\"b,\"\t,\t\"a-1\"", true},
        {"\"\", \"a-1\"", true},
        {"", false},
        {"a-1", false},
        {"\"a-1", false},
        {"\"b, \"a-1\"", false},
        {"\"a-\"", false},
        {"\"a-11\"", false},
        {"\"A-1\"", false},
        {"w/\"a-1\"", false},
        {"W/", false},
        {"*, \"b\"", false},
        {"\"b\", *", false},
        {"b, \"a-1\"", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].list);
        EQUAL(etag_is_in("\"a-1\"", rows[i].list), rows[i].found);
    }
}

int main(void)
{
    RUN(is_strong_and_quoted);
    RUN(differs_with_id_time_and_status);
    RUN(is_found_in_a_list);
    return unit_end();
}
