#include "amqp/delivery.h"

#include "bytes.h"
#include "unit.h"

#include <stdlib.h>

static bool add_header(struct delivery *delivery, amqp_bytes_t properties, uint64_t body_size,
                       size_t max_body)
{
    amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEADER};

    frame.payload.properties.raw = properties;
    frame.payload.properties.body_size = body_size;
    return delivery_add(delivery, &frame, max_body);
}

static bool add_body(struct delivery *delivery, amqp_bytes_t part, size_t max_body)
{
    amqp_frame_t frame = {.frame_type = AMQP_FRAME_BODY};

    frame.payload.body_fragment = part;
    return delivery_add(delivery, &frame, max_body);
}

static void check(const struct delivery *delivery, const char *body, size_t len)
{
    SAME_BYTES(delivery->exchange.bytes, delivery->exchange.len, "ex", 2);
    SAME_BYTES(delivery->routing_key.bytes, delivery->routing_key.len, "key", 3);
    SAME_BYTES(delivery->properties.bytes, delivery->properties.len, "\x10\0\x02", 3);
    SAME_BYTES(delivery->body.bytes, delivery->body.len, body, len);
}

static void is_complete_with_its_last_frame(void)
{
    struct delivery delivery = {0};

    delivery_begin(&delivery, BYTES("ex"), BYTES("key"));
    CHECK(!add_header(&delivery, BYTES("\x10\0\x02"), 6, 100));
    CHECK(!add_body(&delivery, BYTES("abc"), 100));
    CHECK(add_body(&delivery, BYTES("def"), 100));
    check(&delivery, "abcdef", 6);
    EQUAL(delivery.body_size, 6);
    free(delivery.memory);
}

static void is_complete_with_its_header_if_it_has_no_body(void)
{
    struct delivery delivery = {0};

    delivery_begin(&delivery, BYTES("ex"), BYTES("key"));
    CHECK(!add_body(&delivery, BYTES("early"), 100));
    CHECK(add_header(&delivery, BYTES("\x10\0\x02"), 0, 100));
    check(&delivery, "", 0);
    free(delivery.memory);
}

static void cuts_a_body_that_is_too_large(void)
{
    struct delivery delivery = {0};

    delivery_begin(&delivery, BYTES("ex"), BYTES("key"));
    CHECK(!add_header(&delivery, BYTES("\x10\0\x02"), 9, 4));
    CHECK(!add_body(&delivery, BYTES("abc"), 4));
    CHECK(!add_body(&delivery, BYTES("def"), 4));
    CHECK(add_body(&delivery, BYTES("ghi"), 4));
    check(&delivery, "abcd", 4);
    EQUAL(delivery.body_size, 9);
    free(delivery.memory);
}

/* In the same memory, from short to long and back. */
static void takes_one_message_after_the_other(void)
{
    struct delivery delivery = {0};
    char *body = calloc(5000, 1);

    if (!CHECK(body != NULL))
        return;
    for (size_t len = 0; len < 5000; len = len * 2 + 1)
        for (int again = 0; again < 2; again++) {
            delivery_begin(&delivery, BYTES("ex"), BYTES("key"));
            CHECK(add_header(&delivery, BYTES("\x10\0\x02"), len, 10000) == (len == 0));
            CHECK(len == 0 ||
                  add_body(&delivery, (amqp_bytes_t){.len = len, .bytes = body}, 10000));
            check(&delivery, body, len);
        }
    free(delivery.memory);
    free(body);
}

static void decodes_properties(void)
{
    struct delivery delivery = {.properties = BYTES("\x10\x20\x02\x04type")};
    const amqp_basic_properties_t *properties;
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    properties = delivery_properties(&delivery, &pool);
    if (CHECK(properties != NULL)) {
        EQUAL(properties->_flags, AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TYPE_FLAG);
        EQUAL(properties->delivery_mode, 2);
        SAME_BYTES(properties->type.bytes, properties->type.len, "type", 4);
    }
    delivery.properties = BYTES("\x10\x20\x02\x05type");
    CHECK(delivery_properties(&delivery, &pool) == NULL);
    empty_amqp_pool(&pool);
}

int main(void)
{
    RUN(is_complete_with_its_last_frame);
    RUN(is_complete_with_its_header_if_it_has_no_body);
    RUN(cuts_a_body_that_is_too_large);
    RUN(takes_one_message_after_the_other);
    RUN(decodes_properties);
    return unit_end();
}
