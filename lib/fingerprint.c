#include "fingerprint.h"

#include "dead_letter.h"
#include "report.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes of properties or of a table of headers that are still to be read. */
struct reader {
    const unsigned char *at;
    size_t left;
};

static bool skip(struct reader *reader, size_t len)
{
    if (len > reader->left)
        return false;
    reader->at += len;
    reader->left -= len;
    return true;
}

static bool read_integer(struct reader *reader, size_t octets, size_t *integer)
{
    const unsigned char *at = reader->at;

    if (!skip(reader, octets))
        return false;
    *integer = 0;
    while (octets-- > 0)
        *integer = *integer << 8 | *at++;
    return true;
}

static bool skip_short_string(struct reader *reader)
{
    size_t len;

    return read_integer(reader, 1, &len) && skip(reader, len);
}

/* A value of a header: AMQP 0-9-1, section 4.2.1, with the types as RabbitMQ has them. */
static bool skip_value(struct reader *reader)
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

static void add(EVP_MD_CTX *hash, const void *bytes, size_t len)
{
    if (len > 0 && EVP_DigestUpdate(hash, bytes, len) != 1)
        die(EXIT_BUG, "cannot make a hash");
}

/* With its length, so that it cannot be taken for a part of its neighbour. */
static void add_part(EVP_MD_CTX *hash, amqp_bytes_t part)
{
    uint64_t len = part.len;

    add(hash, &len, sizeof len);
    add(hash, part.bytes, part.len);
}

/*
 * Finds the table of headers within encoded properties, or the place where it would stand: empty then.
 * False if the encoding is not understood.
 */
static bool find_headers(amqp_bytes_t properties, size_t *flags, struct reader *headers)
{
    struct reader reader = {.at = properties.bytes, .left = properties.len};
    size_t len = 0;

    if (!read_integer(&reader, 2, flags) || (*flags & 1) != 0)
        return false;
    if ((*flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0 && !skip_short_string(&reader))
        return false;
    if ((*flags & AMQP_BASIC_CONTENT_ENCODING_FLAG) != 0 && !skip_short_string(&reader))
        return false;
    if ((*flags & AMQP_BASIC_HEADERS_FLAG) != 0 && (!read_integer(&reader, 4, &len) || len > reader.left))
        return false;
    *headers = (struct reader){.at = reader.at, .left = len};
    return true;
}

/*
 * Moves on past one header. True if it counts: it is not the broker's, or it is not understood, which ends
 * the table.
 */
static bool next_header(struct reader *headers)
{
    amqp_bytes_t name = {0};
    bool understood = read_integer(headers, 1, &name.len);

    name.bytes = (void *)(uintptr_t)headers->at;
    if (understood && skip(headers, name.len) && skip_value(headers))
        return !dead_letter_is_brokers(name);
    headers->at += headers->left;
    headers->left = 0;
    return true;
}

/* A table in which only the broker's headers stand is the same as none. */
static void add_properties(EVP_MD_CTX *hash, amqp_bytes_t properties)
{
    const unsigned char *from = properties.bytes;
    const unsigned char *end = from + properties.len;
    struct reader headers;
    size_t flags;
    uint64_t counted = 0;

    if (!find_headers(properties, &flags, &headers)) {
        add_part(hash, properties);
        return;
    }
    from += 2;
    if ((flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        add(hash, from, (size_t)(headers.at - 4 - from));
    else
        add(hash, from, (size_t)(headers.at - from));
    flags &= ~(size_t)AMQP_BASIC_HEADERS_FLAG;
    while (headers.left > 0) {
        const unsigned char *entry = headers.at;

        if (next_header(&headers)) {
            add(hash, entry, (size_t)(headers.at - entry));
            counted += (size_t)(headers.at - entry);
        }
    }
    add(hash, headers.at, (size_t)(end - headers.at));
    add(hash, &flags, sizeof flags);
    add(hash, &counted, sizeof counted);
}

struct fingerprint fingerprint_of(const struct delivery *delivery)
{
    static EVP_MD_CTX *hash;
    unsigned char bytes[EVP_MAX_MD_SIZE];
    struct fingerprint fingerprint;

    if (hash == NULL)
        hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_blake2b512(), NULL) != 1)
        die(EXIT_BUG, "cannot make a hash");
    add_part(hash, delivery->exchange);
    add_part(hash, delivery->routing_key);
    add_part(hash, delivery->body);
    add_properties(hash, delivery->properties);
    if (EVP_DigestFinal_ex(hash, bytes, NULL) != 1)
        die(EXIT_BUG, "cannot make a hash");
    memcpy(&fingerprint, bytes, sizeof fingerprint);
    return fingerprint;
}
