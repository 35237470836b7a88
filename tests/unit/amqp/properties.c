#include "amqp/properties.h"

#include "bytes.h"
#include "unit.h"

/* AMQP 0-9-1, 4.2.6.1: the flags of the properties that there are, and their values. */
static void finds_the_table_of_headers(void)
{
    const struct {
        const char *name;
        amqp_bytes_t properties;
        size_t flags;
        size_t at;
        size_t left;
    } rows[] = {
        {"none", BYTES("\0\0"), 0, 2, 0},
        {"a delivery mode", BYTES("\x10\x00\x02"), 0x1000, 2, 0},
        {"empty headers", BYTES("\x20\x00\0\0\0\0"), 0x2000, 6, 0},
        {"a header", BYTES("\x20\x00\0\0\0\x03" NAME_A "V"), 0x2000, 6, 3},
        {"after a content type", BYTES("\xA0\x00\x03t/j\0\0\0\x03" NAME_A "V"), 0xA000, 10, 3},
        {"after an encoding", BYTES("\x60\x00\x01z\0\0\0\x03" NAME_A "V\0"), 0x6000, 8, 3},
        {"after both", BYTES("\xF0\x00\x01t\x01z\0\0\0\x03" NAME_A "V\x02"), 0xF000, 10, 3},
    };
    struct property_reader headers;
    size_t flags;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].name);
        if (!CHECK(properties_find_headers(rows[i].properties, &flags, &headers)))
            continue;
        EQUAL(flags, rows[i].flags);
        EQUAL(headers.at - (const unsigned char *)rows[i].properties.bytes, rows[i].at);
        EQUAL(headers.left, rows[i].left);
    }
}

static void refuses_properties_that_are_cut_short(void)
{
    const struct {
        const char *name;
        amqp_bytes_t properties;
    } rows[] = {
        {"nothing", BYTES("")},
        {"half of the flags", BYTES("\x20")},
        {"more flags", BYTES("\x00\x01\x00\x00")},
        {"a content type", BYTES("\x80\x00\x05"
                                 "abc")},
        {"no length of a content type", BYTES("\x80\x00")},
        {"an encoding", BYTES("\x40\x00\x02z")},
        {"the length of the headers", BYTES("\x20\x00\0\0")},
        {"the headers", BYTES("\x20\x00\0\0\0\x04" NAME_A "V")},
    };
    struct property_reader headers;
    size_t flags;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].name);
        CHECK(!properties_find_headers(rows[i].properties, &flags, &headers));
    }
}

/* 4.2.1, with the types as RabbitMQ has them: a header of each, and another one after it. */
static void moves_over_headers_of_any_type(void)
{
#define NEXT "\x01zt\x01"
    const amqp_bytes_t tables[] = {
        BYTES(NAME_A "V" NEXT),
        BYTES(NAME_A "t\x01" NEXT),
        BYTES(NAME_A "b\xFF" NEXT),
        BYTES(NAME_A "B\xFF" NEXT),
        BYTES(NAME_A "s\x01\x02" NEXT),
        BYTES(NAME_A "u\x01\x02" NEXT),
        BYTES(NAME_A "I\x01\x02\x03\x04" NEXT),
        BYTES(NAME_A "i\x01\x02\x03\x04" NEXT),
        BYTES(NAME_A "f\x01\x02\x03\x04" NEXT),
        BYTES(NAME_A "D\x02\x01\x02\x03\x04" NEXT),
        BYTES(NAME_A "l\x01\x02\x03\x04\x05\x06\x07\x08" NEXT),
        BYTES(NAME_A "L\x01\x02\x03\x04\x05\x06\x07\x08" NEXT),
        BYTES(NAME_A "d\x01\x02\x03\x04\x05\x06\x07\x08" NEXT),
        BYTES(NAME_A "T\x01\x02\x03\x04\x05\x06\x07\x08" NEXT),
        BYTES(NAME_A "S\0\0\0\x02xy" NEXT),
        BYTES(NAME_A "x\0\0\0\x02xy" NEXT),
        BYTES(NAME_A "F\0\0\0\x03" NAME_B "V" NEXT),
        BYTES(NAME_A "A\0\0\0\x02VV" NEXT),
        BYTES(NAME_A "S\0\0\0\0" NEXT),
    };

    for (size_t i = 0; i < COUNT(tables); i++) {
        struct property_reader headers = {.at = tables[i].bytes, .left = tables[i].len};
        amqp_bytes_t name;

        unit_row((const char *)tables[i].bytes);
        CHECK(properties_next_header(&headers, &name));
        SAME_BYTES(name.bytes, name.len, "a", 1);
        CHECK(properties_next_header(&headers, &name));
        SAME_BYTES(name.bytes, name.len, "z", 1);
        EQUAL(headers.left, 0);
    }
}

static void ends_at_a_header_that_it_does_not_understand(void)
{
    const amqp_bytes_t tables[] = {
        BYTES(NAME_A "?\0"),
        BYTES(NAME_A),
        BYTES("\x02"
              "a"),
        BYTES(NAME_A "t"),
        BYTES(NAME_A "I\x01\x02"),
        BYTES(NAME_A "S\0\0\0\x03xy"),
        BYTES(NAME_A "S\0\0"),
        BYTES(NAME_A "l\x01"),
        BYTES(NAME_A "D\x01\x02\x03\x04"),
        BYTES(NAME_A "u\x01"),
    };

    for (size_t i = 0; i < COUNT(tables); i++) {
        struct property_reader headers = {.at = tables[i].bytes, .left = tables[i].len};
        const unsigned char *end = headers.at + headers.left;
        amqp_bytes_t name;

        unit_row((const char *)tables[i].bytes);
        CHECK(!properties_next_header(&headers, &name));
        EQUAL(headers.left, 0);
        CHECK(headers.at == end);
    }
}

static void finds_properties_alike_in_whatever_order_of_headers(void)
{
    const amqp_bytes_t both = BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_A "V" NAME_B "t\x01\x01p");

    CHECK(properties_are_alike(both, both));
    CHECK(properties_are_alike(both,
                               BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_B "t\x01" NAME_A "V\x01p")));
}

static void finds_properties_that_differ(void)
{
    const struct {
        const char *name;
        amqp_bytes_t other;
    } rows[] = {
        {"another content type", BYTES("\xA0\x08\x01u\0\0\0\x07" NAME_A "V" NAME_B "t\x01\x01p")},
        {"another value", BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_A "V" NAME_B "t\0\x01p")},
        {"another name", BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_B "t\x01" NAME_C "V\x01p")},
        {"another app_id", BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_A "V" NAME_B "t\x01\x01q")},
        {"a cluster_id", BYTES("\xA0\x04\x01t\0\0\0\x07" NAME_A "V" NAME_B "t\x01\x01p")},
        {"a byte more", BYTES("\xA0\x08\x01t\0\0\0\x08" NAME_A "V" NAME_B "b\x01\x02\x01p")},
        {"an unknown type", BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_A "?" NAME_B "t\x01\x01p")},
        {"one header", BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_A "I" NAME_B "t\x01\x01p")},
        {"not understood", BYTES("\xA0\x09\x01t\0\0\0\x07" NAME_A "V" NAME_B "t\x01\x01p")},
    };
    const amqp_bytes_t one = BYTES("\xA0\x08\x01t\0\0\0\x07" NAME_A "V" NAME_B "t\x01\x01p");

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].name);
        CHECK(!properties_are_alike(one, rows[i].other));
        CHECK(!properties_are_alike(rows[i].other, one));
    }
}

/* More than the room that is taken first. */
static void compares_many_headers(void)
{
    enum { HEADERS = 40, SIZE = 6 + HEADERS * 4 };
    unsigned char up[SIZE] = {0x20, 0, 0, 0, 0, HEADERS * 4};
    unsigned char down[SIZE] = {0x20, 0, 0, 0, 0, HEADERS * 4};

    for (size_t i = 0; i < HEADERS; i++) {
        const unsigned char header[] = {1, (unsigned char)('A' + i), 't', 1};

        for (size_t k = 0; k < sizeof header; k++)
            up[6 + i * 4 + k] = down[6 + (HEADERS - 1 - i) * 4 + k] = header[k];
    }
    CHECK(properties_are_alike((amqp_bytes_t){SIZE, up}, (amqp_bytes_t){SIZE, down}));
    up[SIZE - 1] = 0;
    CHECK(!properties_are_alike((amqp_bytes_t){SIZE, up}, (amqp_bytes_t){SIZE, down}));
}

int main(void)
{
    RUN(finds_the_table_of_headers);
    RUN(refuses_properties_that_are_cut_short);
    RUN(moves_over_headers_of_any_type);
    RUN(ends_at_a_header_that_it_does_not_understand);
    RUN(finds_properties_alike_in_whatever_order_of_headers);
    RUN(finds_properties_that_differ);
    RUN(compares_many_headers);
    return unit_end();
}
