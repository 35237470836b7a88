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

static EVP_MD_CTX *hash;

/* To begin again with the same function is much cheaper than to name it each time. */
static void start_hash(void)
{
    const EVP_MD *named = NULL;

    if (hash == NULL) {
        hash = EVP_MD_CTX_new();
        named = EVP_blake2b512();
    }
    if (hash == NULL || EVP_DigestInit_ex(hash, named, NULL) != 1)
        die(EXIT_BUG, "cannot make a hash");
}

static void add(const void *bytes, size_t len)
{
    if (len > 0 && EVP_DigestUpdate(hash, bytes, len) != 1)
        die(EXIT_BUG, "cannot make a hash");
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

/* How long each part is, so that none can be taken for a part of its neighbour. */
struct measures {
    uint64_t exchange;
    uint64_t routing_key;
    uint64_t body;
    uint64_t headers; /* those that count */
    uint64_t flags;   /* of the properties there are; of those that are not understood, all */
};

/* A table in which only the broker's headers stand is the same as none. */
static void add_properties(amqp_bytes_t properties, struct measures *measures)
{
    const unsigned char *from = properties.bytes;
    const unsigned char *end = from + properties.len;
    struct reader headers;
    size_t flags;

    if (!find_headers(properties, &flags, &headers)) {
        add(properties.bytes, properties.len);
        return;
    }
    from += 2;
    if ((flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        add(from, (size_t)(headers.at - 4 - from));
    else
        add(from, (size_t)(headers.at - from));
    measures->flags = flags & ~(size_t)AMQP_BASIC_HEADERS_FLAG;
    while (headers.left > 0) {
        const unsigned char *entry = headers.at;

        if (next_header(&headers)) {
            add(entry, (size_t)(headers.at - entry));
            measures->headers += (size_t)(headers.at - entry);
        }
    }
    add(headers.at, (size_t)(end - headers.at));
}

struct fingerprint fingerprint_of(const struct delivery *delivery)
{
    struct measures measures = {.exchange = delivery->exchange.len,
                                .routing_key = delivery->routing_key.len,
                                .body = delivery->body.len,
                                .flags = UINT64_MAX};
    unsigned char bytes[EVP_MAX_MD_SIZE];
    struct fingerprint fingerprint;

    start_hash();
    add(delivery->exchange.bytes, delivery->exchange.len);
    add(delivery->routing_key.bytes, delivery->routing_key.len);
    add(delivery->body.bytes, delivery->body.len);
    add_properties(delivery->properties, &measures);
    add(&measures, sizeof measures);
    if (EVP_DigestFinal_ex(hash, bytes, NULL) != 1)
        die(EXIT_BUG, "cannot make a hash");
    memcpy(&fingerprint, bytes, sizeof fingerprint);
    return fingerprint;
}
