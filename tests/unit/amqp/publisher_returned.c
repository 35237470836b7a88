#include "amqp/publisher_returned.h"

#include "bytes.h"
#include "unit.h"

static amqp_frame_t header(amqp_bytes_t properties, uint64_t body_size)
{
    amqp_frame_t frame = {.frame_type = AMQP_FRAME_HEADER};

    frame.payload.properties.raw = properties;
    frame.payload.properties.body_size = body_size;
    return frame;
}

static amqp_frame_t body(amqp_bytes_t part)
{
    amqp_frame_t frame = {.frame_type = AMQP_FRAME_BODY};

    frame.payload.body_fragment = part;
    return frame;
}

static bool add(struct returned *returned, amqp_frame_t frame)
{
    return returned_add(returned, &frame);
}

static void start(struct returned *returned)
{
    const amqp_basic_return_t method = {.reply_code = 312,
                                        .reply_text = BYTES("NO_\nROUTE"),
                                        .exchange = BYTES("ex"),
                                        .routing_key = BYTES("key")};

    returned_start(returned, &method);
}

static void is_complete_with_its_last_frame(void)
{
    struct returned returned = {0};

    CHECK(!add(&returned, header(BYTES("\0\0"), 0)));
    start(&returned);
    SAME(returned.reason, "312 NO_\\x0aROUTE");
    CHECK(!add(&returned, body(BYTES("early"))));
    CHECK(!add(&returned, header(BYTES("\0\0"), 6)));
    CHECK(!add(&returned, body(BYTES("abc"))));
    CHECK(add(&returned, body(BYTES("def"))));
    SAME_BYTES(returned.body, returned.body_size, "abcdef", 6);
    returned_forget(&returned);
    CHECK(!returned.is_awaited && returned.body == NULL);
}

static void is_complete_with_its_header_if_it_has_no_body(void)
{
    struct returned returned = {0};

    start(&returned);
    CHECK(add(&returned, header(BYTES("\0\0"), 0)));
    returned_forget(&returned);
}

static void takes_no_more_than_the_header_says(void)
{
    struct returned returned = {0};

    start(&returned);
    (void)add(&returned, header(BYTES("\0\0"), 2));
    CHECK(add(&returned, body(BYTES("abc"))));
    SAME_BYTES(returned.body, returned.received, "ab", 2);
    returned_forget(&returned);
}

static void begins_anew(void)
{
    struct returned returned = {0};

    start(&returned);
    (void)add(&returned, header(BYTES("\0\0"), 5));
    start(&returned);
    CHECK(!add(&returned, body(BYTES("abcde"))));
    returned_forget(&returned);
}

static void is_found_by_its_content(void)
{
    const struct slot slot = {.tag = 1,
                              .exchange = BYTES("ex"),
                              .routing_key = BYTES("key"),
                              .properties = BYTES("\x10\0\x02"),
                              .body = BYTES("body")};
    struct slot other;
    struct returned returned = {0};

    start(&returned);
    (void)add(&returned, header(BYTES("\x10\0\x02"), 4));
    (void)add(&returned, body(BYTES("body")));
    CHECK(returned_is(&returned, &slot, true));
    CHECK(returned_is(&returned, &slot, false));
    other = slot;
    other.properties = BYTES("\x10\0\x01");
    CHECK(!returned_is(&returned, &other, true));
    CHECK(returned_is(&returned, &other, false));
    other = slot;
    other.exchange = BYTES("ey");
    CHECK(!returned_is(&returned, &other, false));
    other = slot;
    other.routing_key = BYTES("keys");
    CHECK(!returned_is(&returned, &other, false));
    other = slot;
    other.body = BYTES("bodY");
    CHECK(!returned_is(&returned, &other, false));
    other = slot;
    other.has_result = true;
    CHECK(!returned_is(&returned, &other, false));
    other = slot;
    other.tag = SLOT_UNSENT;
    CHECK(!returned_is(&returned, &other, false));
    returned_forget(&returned);
}

int main(void)
{
    RUN(is_complete_with_its_last_frame);
    RUN(is_complete_with_its_header_if_it_has_no_body);
    RUN(takes_no_more_than_the_header_says);
    RUN(begins_anew);
    RUN(is_found_by_its_content);
    return unit_end();
}
