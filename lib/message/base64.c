#include "message/base64.h"

#include "base/memory.h"
#include "base/report.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

/* The lengths of libcrypto are ints; no broker accepts a message that long. */
#define MAX_BYTES ((size_t)INT_MAX / 2)

char *base64_encode(amqp_bytes_t bytes)
{
    char *text;

    if (bytes.len > MAX_BYTES)
        die(EXIT_BUG, "%zu bytes are too many for base64", bytes.len);
    text = xmalloc((bytes.len + 2) / 3 * 4 + 1);
    (void)EVP_EncodeBlock((unsigned char *)text, bytes.bytes, (int)bytes.len);
    return text;
}

static size_t padding(const char *text, size_t len)
{
    size_t count = 0;

    while (count < 2 && count < len && text[len - 1 - count] == '=')
        count++;
    return count;
}

bool base64_decode(const char *text, amqp_pool_t *pool, amqp_bytes_t *bytes)
{
    size_t len = strlen(text);
    size_t padded = padding(text, len);

    /* EVP_DecodeBlock() would skip white space, and decode padding as data. */
    if (len % 4 != 0 || len > MAX_BYTES || strcspn(text, " \t\r\n=-") != len - padded)
        return false;
    amqp_pool_alloc_bytes(pool, len / 4 * 3 + 1, bytes);
    if (bytes->bytes == NULL)
        die_no_memory();
    if (len > 0 && EVP_DecodeBlock(bytes->bytes, (const unsigned char *)text, (int)len) < 0)
        return false;
    bytes->len = len / 4 * 3 - padded;
    return true;
}
