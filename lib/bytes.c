#include "bytes.h"

#include <string.h>

bool bytes_equal(amqp_bytes_t a, amqp_bytes_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

bool bytes_are(amqp_bytes_t bytes, const char *text)
{
    return bytes_equal(bytes, amqp_cstring_bytes(text));
}
