#include "fingerprint.h"

#include "amqp/properties.h"
#include "base/report.h"
#include "message/death.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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
 * Moves on past one header. True if it counts: it is not the broker's, or it is not understood,
 * which ends the table.
 */
static bool next_header(struct property_reader *headers)
{
    amqp_bytes_t name;

    return !properties_next_header(headers, &name) || !death_is_brokers(name);
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
    struct property_reader headers;
    size_t flags;

    if (!properties_find_headers(properties, &flags, &headers)) {
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
