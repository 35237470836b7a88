#include "amqp/bytes.h"
#include "base/memory.h"
#include "message/death.h"

#include <string.h>

bool death_is_brokers(amqp_bytes_t header)
{
    return bytes_are(header, "x-delivery-count") || bytes_are(header, "x-acquired-count") ||
           bytes_are(header, "x-stream-offset");
}

/* A header by which the broker sends copies to other keys, or one that is the broker's own. */
static bool is_of_delivery(amqp_bytes_t name)
{
    return bytes_are(name, "CC") || bytes_are(name, "BCC") || death_is_brokers(name);
}

static bool starts_with(amqp_bytes_t name, const char *prefix)
{
    size_t len = strlen(prefix);

    return name.len > len && memcmp(name.bytes, prefix, len) == 0;
}

/* A header in which we tell of a death. */
static bool is_own_death(amqp_bytes_t name)
{
    static const char *const own[] = {HEADER_QUEUE, HEADER_EXCHANGE, HEADER_ROUTING_KEY,
                                      HEADER_REASON, HEADER_TIME};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (bytes_are(name, own[i]))
            return true;
    return false;
}

static bool is_of_death_or_delivery(amqp_bytes_t name)
{
    return is_own_death(name) || bytes_are(name, HEADER_PARKED) || is_of_delivery(name) ||
           bytes_are(name, "x-death") || starts_with(name, "x-first-death-") ||
           starts_with(name, "x-last-death-");
}

static bool is_renewed_by_replay(amqp_bytes_t name)
{
    return is_of_death_or_delivery(name) || bytes_are(name, HEADER_REPLAYS) ||
           bytes_are(name, HEADER_RUN);
}

static bool is_renewed_by_parking(amqp_bytes_t name)
{
    return is_of_delivery(name) || bytes_are(name, HEADER_PARKED);
}

static bool is_renewed_by_parking_with_a_home(amqp_bytes_t name)
{
    return is_renewed_by_parking(name) || is_own_death(name);
}

/*
 * Returns properties with a table of headers of their own that has room for some more, and without
 * those for which left_out returns true.
 */
static amqp_basic_properties_t copy_without(const amqp_basic_properties_t *properties,
                                            bool (*left_out)(amqp_bytes_t name), size_t room,
                                            amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = *properties;
    amqp_table_t headers = {0};
    int given =
        (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0 ? properties->headers.num_entries : 0;

    headers.entries = amqp_pool_alloc(pool, ((size_t)given + room + 1) * sizeof *headers.entries);
    if (headers.entries == NULL)
        die_no_memory();
    for (int i = 0; i < given; i++)
        if (!left_out(properties->headers.entries[i].key))
            headers.entries[headers.num_entries++] = properties->headers.entries[i];
    copy.headers = headers;
    copy._flags &= ~(amqp_flags_t)AMQP_BASIC_USER_ID_FLAG;
    return copy;
}

static amqp_field_value_t *add_header(amqp_basic_properties_t *properties, const char *name,
                                      uint8_t kind)
{
    amqp_table_entry_t *entry = &properties->headers.entries[properties->headers.num_entries++];

    properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = kind;
    return &entry->value;
}

static void add_text(amqp_basic_properties_t *properties, const char *name, amqp_bytes_t text)
{
    add_header(properties, name, AMQP_FIELD_KIND_UTF8)->value.bytes = text;
}

static void add_integer(amqp_basic_properties_t *properties, const char *name, int64_t integer)
{
    add_header(properties, name, AMQP_FIELD_KIND_I64)->value.i64 = integer;
}

#define DEATH_HEADERS 5

static void add_death(amqp_basic_properties_t *properties, const struct death *death)
{
    add_text(properties, HEADER_QUEUE, death->queue);
    add_text(properties, HEADER_EXCHANGE, death->exchange);
    add_text(properties, HEADER_ROUTING_KEY, death->routing_key);
    add_text(properties, HEADER_REASON, death->reason);
    add_integer(properties, HEADER_TIME, death->time);
}

amqp_basic_properties_t death_marked(const amqp_basic_properties_t *properties,
                                     const struct death *death, amqp_pool_t *pool)
{
    amqp_basic_properties_t copy =
        copy_without(properties, is_of_death_or_delivery, DEATH_HEADERS, pool);

    add_death(&copy, death);
    copy._flags &= ~(amqp_flags_t)AMQP_BASIC_EXPIRATION_FLAG;
    return copy;
}

amqp_basic_properties_t death_revived(const amqp_basic_properties_t *properties, const char *run,
                                      amqp_pool_t *pool)
{
    amqp_basic_properties_t copy =
        copy_without(properties, is_renewed_by_replay, 2 + DEATH_HEADERS, pool);

    add_integer(&copy, HEADER_REPLAYS, replay_count(properties) + 1);
    add_text(&copy, HEADER_RUN, amqp_cstring_bytes(run));
    return copy;
}

amqp_basic_properties_t death_diverted(const amqp_basic_properties_t *properties,
                                       const struct death *home, const char *run, amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = death_revived(properties, run, pool);

    add_death(&copy, home);
    return copy;
}

amqp_basic_properties_t death_parked(const amqp_basic_properties_t *properties, const char *note,
                                     const struct death *home, amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = copy_without(
        properties, home == NULL ? is_renewed_by_parking : is_renewed_by_parking_with_a_home,
        1 + DEATH_HEADERS, pool);

    if (home != NULL)
        add_death(&copy, home);
    add_text(&copy, HEADER_PARKED, amqp_cstring_bytes(note));
    copy._flags &= ~(amqp_flags_t)AMQP_BASIC_EXPIRATION_FLAG;
    copy._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    copy.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    return copy;
}

amqp_basic_properties_t death_restored(const amqp_basic_properties_t *properties, const char *user,
                                       amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = copy_without(properties, is_of_delivery, 0, pool);

    if (user != NULL && bytes_are(properties->user_id, user))
        copy._flags |= properties->_flags & AMQP_BASIC_USER_ID_FLAG;
    return copy;
}
