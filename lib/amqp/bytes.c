#include "amqp/bytes.h"

#include <string.h>

bool bytes_equal(amqp_bytes_t a, amqp_bytes_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* Not memcmp(): dozens of header names are compared for each message, and most differ at once. */
bool bytes_are(amqp_bytes_t bytes, const char *text)
{
    const char *at = bytes.bytes;

    for (size_t i = 0; i < bytes.len; i++)
        if (text[i] == '\0' || at[i] != text[i])
            return false;
    return text[bytes.len] == '\0';
}

bool bytes_begin(amqp_bytes_t bytes, const char *text)
{
    size_t len = strlen(text);

    return bytes.len >= len && memcmp(bytes.bytes, text, len) == 0;
}

bool bytes_contain(amqp_bytes_t bytes, const char *text)
{
    while (bytes.len > 0 && !bytes_begin(bytes, text)) {
        bytes.bytes = (char *)bytes.bytes + 1;
        bytes.len--;
    }
    return bytes_begin(bytes, text);
}

int bytes_compare(const void *a, const void *b)
{
    const amqp_bytes_t *left = a;
    const amqp_bytes_t *right = b;
    size_t common = left->len < right->len ? left->len : right->len;
    int order = common > 0 ? memcmp(left->bytes, right->bytes, common) : 0;

    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}
