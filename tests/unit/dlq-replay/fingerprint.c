#include "dlq-replay/fingerprint.h"

#include "bytes.h"
#include "unit.h"

#include <string.h>

/* A delivery, with encoded properties: AMQP 0-9-1, 4.2.6.1. */
static struct delivery of(const char *exchange, const char *key, amqp_bytes_t properties,
                          const char *body)
{
    return (struct delivery){.exchange = amqp_cstring_bytes(exchange),
                             .routing_key = amqp_cstring_bytes(key),
                             .properties = properties,
                             .body = amqp_cstring_bytes(body)};
}

static struct delivery with(amqp_bytes_t properties)
{
    return of("ex", "key", properties, "body");
}

static bool same(const struct delivery *one, const struct delivery *other)
{
    struct fingerprint left = fingerprint_of(one);
    struct fingerprint right = fingerprint_of(other);

    return memcmp(&left, &right, sizeof left) == 0;
}

/* Headers: a void "a"; the broker's, an int64; and "b", a boolean. */
#define A NAME_A "V"
#define COUNT_OF(digit) "\x10x-delivery-countl\0\0\0\0\0\0\0" digit
#define B NAME_B "t\x01"

static void is_the_same_for_the_same_message(void)
{
    const struct delivery first = with(BYTES("\x20\0\0\0\0\x07" A B));
    struct delivery again = first;

    again.tag = 7;
    again.generation = 8;
    again.redelivered = true;
    CHECK(same(&first, &again));
}

static void ignores_what_the_broker_changes(void)
{
    const struct delivery none = with(BYTES("\x30\0\0\0\0\x07" A B "\x02"));
    const struct {
        const char *name;
        amqp_bytes_t properties;
    } rows[] = {
        {"first", BYTES("\x30\0\0\0\0\x21" COUNT_OF("\x01") A B "\x02")},
        {"in between", BYTES("\x30\0\0\0\0\x21" A COUNT_OF("\x02") B "\x02")},
        {"last", BYTES("\x30\0\0\0\0\x21" A B COUNT_OF("\x03") "\x02")},
        {"of a stream", BYTES("\x30\0\0\0\0\x20" A B "\x0Fx-stream-offsetl\0\0\0\0\0\0\0\x05\x02")},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct delivery other = with(rows[i].properties);

        unit_row(rows[i].name);
        CHECK(same(&none, &other));
    }
}

static void takes_a_table_of_the_brokers_alone_for_none(void)
{
    const struct delivery none = with(BYTES("\x10\0\x02"));
    const struct delivery empty = with(BYTES("\x30\0\0\0\0\0\x02"));
    const struct delivery counted = with(BYTES("\x30\0\0\0\0\x1A" COUNT_OF("\x01") "\x02"));

    CHECK(same(&none, &empty));
    CHECK(same(&none, &counted));
}

static void differs_for_different_messages(void)
{
    const struct delivery deliveries[] = {
        with(BYTES("\x20\0\0\0\0\x07" A B)),
        with(BYTES("\x20\0\0\0\0\x07" B A)),
        with(BYTES("\x20\0\0\0\0\x03" A)),
        with(BYTES("\x20\0\0\0\0\x04" B)),
        with(BYTES("\x30\0\0\0\0\x03" A "\x01")),
        with(BYTES("\x30\0\0\0\0\x03" A "\x02")),
        with(BYTES("\x28\0\0\0\0\x03" A "\x02")),
        with(BYTES("\xA0\0\x01t\0\0\0\x03" A)),
        with(BYTES("\x60\0\x01t\0\0\0\x03" A)),
        /* The same bytes, of which more are headers, or more are the exchange. */
        with(BYTES("\x20\x08\0\0\0\x03" A B "x")),
        with(BYTES("\x20\x08\0\0\0\x07" A B "x")),
        with(BYTES("\0\x08xA")),
        of("exk", "eyb",
           BYTES("\0\x08"
                 "A"),
           "odyx"),
        with(BYTES("\0\0")),
        with(BYTES("")),
        with(BYTES("\x20\0\0\0\0\x09" A)),
        with(BYTES("\x20\0\0\0\0\x04" NAME_A "?\x01")),
        of("exk", "ey", BYTES("\0\0"), "body"),
        of("ex", "keyb", BYTES("\0\0"), "ody"),
        of("ex", "key", BYTES("\0\0"), "bodY"),
        of("", "", BYTES("\0\0"), ""),
    };

    for (size_t i = 0; i < COUNT(deliveries); i++)
        for (size_t k = 0; k < i; k++)
            if (!CHECK(!same(&deliveries[i], &deliveries[k]))) {
                EQUAL(i, -1);
                EQUAL(k, -1);
            }
}

int main(void)
{
    RUN(is_the_same_for_the_same_message);
    RUN(ignores_what_the_broker_changes);
    RUN(takes_a_table_of_the_brokers_alone_for_none);
    RUN(differs_for_different_messages);
    return unit_end();
}
