#include "amqp/bytes.h"

#include "bytes.h"
#include "unit.h"

static void compares_bytes(void)
{
    CHECK(bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
    CHECK(!bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
    CHECK(!bytes_equal(BYTES("ab"), BYTES("abc")));
    CHECK(bytes_equal(amqp_empty_bytes, BYTES("")));
    CHECK(!bytes_equal(amqp_empty_bytes, BYTES("a")));
}

static void compares_bytes_with_text(void)
{
    CHECK(bytes_are(BYTES("CC"), "CC"));
    CHECK(!bytes_are(BYTES("CC"), "C"));
    CHECK(!bytes_are(BYTES("CC"), "CCC"));
    CHECK(!bytes_are(BYTES("CC"), "Cc"));
    CHECK(!bytes_are(BYTES("a\0"), "a"));
    CHECK(!bytes_are(BYTES("a"), ""));
    CHECK(bytes_are(amqp_empty_bytes, ""));
    CHECK(!bytes_are(amqp_empty_bytes, "a"));
}

static void finds_text_in_bytes(void)
{
    CHECK(bytes_contain(BYTES("a\0bcd"), "bc"));
    CHECK(bytes_contain(BYTES("bcd"), "bcd"));
    CHECK(!bytes_contain(BYTES("abc"), "bcd"));
    CHECK(!bytes_contain(BYTES("bc"), "bcd"));
    CHECK(!bytes_contain(amqp_empty_bytes, "a"));
}

int main(void)
{
    RUN(compares_bytes);
    RUN(compares_bytes_with_text);
    RUN(finds_text_in_bytes);
    return unit_end();
}
