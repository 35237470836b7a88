#include "amqp/bytes.h"

#include <string.h>

bool bytes_equal(amqp_bytes_t a, amqp_bytes_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* Names of headers are compared by the dozen for each message, and most differ at once. */
bool bytes_are(amqp_bytes_t bytes, const char *text)
{
    const char *at = bytes.bytes;

    for (size_t i = 0; i < bytes.len; i++)
        if (text[i] == '\0' || at[i] != text[i])
            return false;
    return text[bytes.len] == '\0';
}
