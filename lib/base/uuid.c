#include "base/uuid.h"

#include "base/clock.h"
#include "base/report.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <uuid/uuid.h>

#define PREFIX "urn:order-tools:"

/* Asks the kernel once for 16 ids: libuuid makes six system calls for each. */
static void random_bytes(unsigned char bytes[UUID_BYTES])
{
    static unsigned char pool[256];
    static size_t used = sizeof pool;

    if (used == sizeof pool) {
        if (getentropy(pool, sizeof pool) != 0)
            die(EXIT_BUG, "the system has no random numbers");
        used = 0;
    }
    memcpy(bytes, pool + used, UUID_BYTES);
    used += UUID_BYTES;
}

void order_id_mint(unsigned char id[UUID_BYTES])
{
    static int64_t last_ms;
    static unsigned counter; /* 12 bits: RFC 9562, section 6.2, method 1 */
    int64_t now_ms = clock_utc_ms();

    random_bytes(id);
    if (now_ms > last_ms) {
        last_ms = now_ms;
        /* The upper half of its range stays free, so that it seldom overflows in a millisecond. */
        counter = ((unsigned)id[6] << 8 | id[7]) & 0x7FFU;
    } else if (++counter > 0xFFFU) {
        last_ms++;
        counter = 0;
    }
    for (int i = 0; i < 6; i++)
        id[i] = (unsigned char)((uint64_t)last_ms >> (40 - 8 * i));
    id[6] = (unsigned char)(0x70U | counter >> 8);
    id[7] = (unsigned char)(counter & 0xFFU);
    id[8] = (unsigned char)(0x80U | (id[8] & 0x3FU));
}

void uuid_to_text(const unsigned char id[UUID_BYTES], char text[UUID_TEXT_SIZE])
{
    uuid_unparse_lower(id, text);
}

bool uuid_from_text(const char *text, unsigned char id[UUID_BYTES])
{
    return uuid_parse(text, id) == 0;
}

/* Reads the digits of text[0..count), at most 8. Returns -1 if some are none. */
static int64_t read_digits(const char *text, int count)
{
    int64_t number = 0;

    for (int i = 0; i < count; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned digit = c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - (unsigned)'a' + 10;

        if (digit > 15 || (c > '9' && digit < 10))
            return -1;
        number = number << 4 | digit;
    }
    return number;
}

bool uuid_text_time(const char *text, int64_t *utc_ms)
{
    /* Kept, since ids that were made within the same millisecond begin alike. */
    static char known[sizeof "01234567-89ab-7" - 1];
    static int64_t known_ms;
    int64_t high, low;

    if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
        return false;
    if (memcmp(text, known, sizeof known) != 0) {
        high = read_digits(text, 8);
        low = read_digits(text + 9, 4);
        if (high < 0 || low < 0 || text[8] != '-' || text[14] != '7')
            return false;
        memcpy(known, text, sizeof known);
        known_ms = high << 16 | low;
    }
    *utc_ms = known_ms;
    return true;
}

/* Returns false if the name, "urn:order-tools:<kind>:<of>", is too long. */
static bool hash_name(const char *kind, const char *of, unsigned char id[UUID_BYTES])
{
    char name[512];
    int length = snprintf(name, sizeof name, PREFIX "%s:%s", kind, of);

    if (length < 0 || (size_t)length >= sizeof name)
        return false;
    uuid_generate_sha1(id, *uuid_get_template("url"), name, (size_t)length);
    return true;
}

void message_id_of(const char *event_type, const char *order_id, char text[UUID_TEXT_SIZE])
{
    unsigned char id[UUID_BYTES];

    if (!hash_name(event_type, order_id, id))
        die(EXIT_BUG, "message id of an order id that is too long");
    uuid_to_text(id, text);
}

void order_id_of_key(const char *key, unsigned char id[UUID_BYTES])
{
    if (!hash_name("key", key, id))
        die(EXIT_BUG, "order id of a key that is too long");
}
