#include "amqp/properties.h"

#include "amqp/bytes.h"
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

static bool skip(struct property_reader *reader, size_t len)
{
    if (len > reader->left)
        return false;
    reader->at += len;
    reader->left -= len;
    return true;
}

static bool read_integer(struct property_reader *reader, size_t octets, size_t *integer)
{
    const unsigned char *at = reader->at;

    if (!skip(reader, octets))
        return false;
    *integer = 0;
    while (octets-- > 0)
        *integer = *integer << 8 | *at++;
    return true;
}

static bool skip_short_string(struct property_reader *reader)
{
    size_t len;

    return read_integer(reader, 1, &len) && skip(reader, len);
}

/* Skips the value of a header: AMQP 0-9-1, section 4.2.1, with the types of RabbitMQ. */
static bool skip_value(struct property_reader *reader)
{
    size_t kind;
    size_t len;

    if (!read_integer(reader, 1, &kind))
        return false;
    switch (kind) {
    case 'V':
        return true;
    case 't':
    case 'b':
    case 'B':
        return skip(reader, 1);
    case 's':
    case 'u':
        return skip(reader, 2);
    case 'I':
    case 'i':
    case 'f':
        return skip(reader, 4);
    case 'D':
        return skip(reader, 5);
    case 'l':
    case 'L':
    case 'd':
    case 'T':
        return skip(reader, 8);
    case 'S':
    case 'x':
    case 'F':
    case 'A':
        return read_integer(reader, 4, &len) && skip(reader, len);
    default:
        return false;
    }
}

bool properties_find_headers(amqp_bytes_t properties, size_t *flags,
                             struct property_reader *headers)
{
    struct property_reader reader = {.at = properties.bytes, .left = properties.len};
    size_t len = 0;

    if (!read_integer(&reader, 2, flags) || (*flags & 1) != 0)
        return false;
    if ((*flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0 && !skip_short_string(&reader))
        return false;
    if ((*flags & AMQP_BASIC_CONTENT_ENCODING_FLAG) != 0 && !skip_short_string(&reader))
        return false;
    if ((*flags & AMQP_BASIC_HEADERS_FLAG) != 0 &&
        (!read_integer(&reader, 4, &len) || len > reader.left))
        return false;
    *headers = (struct property_reader){.at = reader.at, .left = len};
    return true;
}

bool properties_next_header(struct property_reader *headers, amqp_bytes_t *name)
{
    bool understood = read_integer(headers, 1, &name->len);

    name->bytes = (void *)(uintptr_t)headers->at;
    if (understood && skip(headers, name->len) && skip_value(headers))
        return true;
    headers->at += headers->left;
    headers->left = 0;
    return false;
}

/* ---- comparing ---- */

static amqp_bytes_t part(const void *from, const void *to)
{
    return (amqp_bytes_t){.bytes = (void *)(uintptr_t)from,
                          .len = (size_t)((const char *)to - (const char *)from)};
}

/* Returns the encoded headers in sorted order; free() them. Returns NULL if one cannot be read. */
static amqp_bytes_t *sort_headers(struct property_reader headers, size_t *count)
{
    size_t capacity = 16;
    amqp_bytes_t *sorted = xcalloc(capacity, sizeof *sorted);

    *count = 0;
    while (headers.left > 0) {
        const unsigned char *from = headers.at;
        amqp_bytes_t name;

        if (!properties_next_header(&headers, &name)) {
            free(sorted);
            return NULL;
        }
        if (*count == capacity) {
            capacity *= 2;
            sorted = xrealloc(sorted, capacity * sizeof *sorted);
        }
        sorted[(*count)++] = part(from, headers.at);
    }
    qsort(sorted, *count, sizeof *sorted, bytes_compare);
    return sorted;
}

static bool headers_are_alike(struct property_reader a, struct property_reader b)
{
    size_t count_a = 0;
    size_t count_b = 0;
    amqp_bytes_t *sorted_a = sort_headers(a, &count_a);
    amqp_bytes_t *sorted_b = sort_headers(b, &count_b);
    bool alike = sorted_a != NULL && sorted_b != NULL && count_a == count_b;

    for (size_t i = 0; alike && i < count_a; i++)
        alike = bytes_equal(sorted_a[i], sorted_b[i]);
    free(sorted_a);
    free(sorted_b);
    return alike;
}

bool properties_are_alike(amqp_bytes_t a, amqp_bytes_t b)
{
    struct property_reader headers_a;
    struct property_reader headers_b;
    size_t flags;

    if (bytes_equal(a, b))
        return true;
    if (a.len != b.len || !properties_find_headers(a, &flags, &headers_a) ||
        !properties_find_headers(b, &flags, &headers_b))
        return false;
    return bytes_equal(part(a.bytes, headers_a.at), part(b.bytes, headers_b.at)) &&
           bytes_equal(part(headers_a.at + headers_a.left, (const char *)a.bytes + a.len),
                       part(headers_b.at + headers_b.left, (const char *)b.bytes + b.len)) &&
           headers_are_alike(headers_a, headers_b);
}
