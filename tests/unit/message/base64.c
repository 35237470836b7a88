#include "message/base64.h"

#include "bytes.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* RFC 4648, section 10; and all three bytes that end in the last letters of the alphabet. */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xFB\xFF\xBF", "+/+/"},
};

static void encodes(void)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        char *text = base64_encode(amqp_cstring_bytes(vectors[i].bytes));

        SAME(text, vectors[i].text);
        free(text);
    }
}

static void encodes_no_bytes_at_all(void)
{
    char *text = base64_encode(amqp_empty_bytes);

    SAME(text, "");
    free(text);
    text = base64_encode(BYTES("\0\0\0\0"));
    SAME(text, "AAAAAA==");
    free(text);
}

static void decodes(void)
{
    amqp_pool_t pool;
    amqp_bytes_t bytes;

    init_amqp_pool(&pool, 1024);
    for (size_t i = 0; i < COUNT(vectors); i++)
        if (CHECK(base64_decode(vectors[i].text, &pool, &bytes)))
            SAME_BYTES(bytes.bytes, bytes.len, vectors[i].bytes, strlen(vectors[i].bytes));
    CHECK(base64_decode("AAAAAA==", &pool, &bytes));
    SAME_BYTES(bytes.bytes, bytes.len, "\0\0\0\0", 4);
    empty_amqp_pool(&pool);
}

static void refuses_what_is_no_base64(void)
{
    static const char *const texts[] = {
        "Z",    "Zg",    "Zg=",      "Zg===",    "=",    "==",       "====",    "Z===", "Zm9v\n",
        " Zm9", "Zm\t9", "Zm 9v===", "Zg==Zg==", "Zm-_", "Zm9v!a==", "Zm9\xC3", "=Zm9", "Z=m9",
    };
    amqp_pool_t pool;
    amqp_bytes_t bytes;

    init_amqp_pool(&pool, 1024);
    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        CHECK(!base64_decode(texts[i], &pool, &bytes));
    }
    empty_amqp_pool(&pool);
}

int main(void)
{
    RUN(encodes);
    RUN(encodes_no_bytes_at_all);
    RUN(decodes);
    RUN(refuses_what_is_no_base64);
    return unit_end();
}
