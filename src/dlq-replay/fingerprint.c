#include "fingerprint.h"

#include "amqp/properties.h"
#include "base/report.h"
#include "message/death.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

static EVP_MD_CTX *hash;

/* Naming the hash function is much more expensive than starting anew with the last one. */
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

/* Lengths of the parts, which are hashed with them: no byte can pass for one of the next part. */
struct measures {
    uint64_t exchange;
    uint64_t routing_key;
    uint64_t body;
    uint64_t headers; /* without the broker's */
    uint64_t flags;   /* of the properties; all bits for properties that are not understood */
};

/* Adds all headers but the broker's. A header that is not understood ends the table, and is added
 * with the rest of it. */
static void add_headers(struct property_reader *headers, struct measures *measures)
{
    while (headers->left > 0) {
        const unsigned char *entry = headers->at;
        amqp_bytes_t name;
        size_t len;

        if (properties_next_header(headers, &name) && death_is_brokers(name))
            continue;
        len = (size_t)(headers->at - entry);
        add(entry, len);
        measures->headers += len;
    }
}

/* Adds a table that has only headers of the broker's as if it were missing. */
static void add_properties(amqp_bytes_t properties, struct measures *measures)
{
    const unsigned char *from = properties.bytes;
    const unsigned char *end = from + properties.len;
    struct property_reader headers;
    size_t flags;
    size_t before;

    if (!properties_find_headers(properties, &flags, &headers)) {
        add(properties.bytes, properties.len);
        return;
    }
    /* Neither the flags nor the length of the table, which the broker's headers change. */
    from += 2;
    before = (size_t)(headers.at - from) - ((flags & AMQP_BASIC_HEADERS_FLAG) != 0 ? 4 : 0);
    add(from, before);
    measures->flags = flags & ~(size_t)AMQP_BASIC_HEADERS_FLAG;
    add_headers(&headers, measures);
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
