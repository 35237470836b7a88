#include "message/death.h"

#include "amqp/bytes.h"
#include "base/memory.h"
#include "base/report.h"
#include "message/integer.h"

#include <string.h>

/* Headers of the broker's. */
#define FIRST_DEATH_QUEUE "x-first-death-queue"
#define FIRST_DEATH_REASON "x-first-death-reason"
#define DELIVERY_COUNT "x-delivery-count"

static const amqp_field_value_t *find(const amqp_table_t *headers, const char *name)
{
    for (int i = 0; i < headers->num_entries; i++)
        if (bytes_are(headers->entries[i].key, name))
            return &headers->entries[i].value;
    return NULL;
}

static int64_t named_integer(const amqp_table_t *headers, const char *name)
{
    const amqp_field_value_t *value = find(headers, name);
    int64_t integer = 0;

    return value != NULL && integer_of(value, &integer) ? integer : 0;
}

static amqp_bytes_t named_text(const amqp_table_t *headers, const char *name)
{
    const amqp_field_value_t *value = find(headers, name);

    if (value == NULL ||
        (value->kind != AMQP_FIELD_KIND_UTF8 && value->kind != AMQP_FIELD_KIND_BYTES))
        return amqp_empty_bytes;
    return value->value.bytes;
}

static amqp_bytes_t first_of_array(const amqp_field_value_t *value)
{
    if (value == NULL || value->kind != AMQP_FIELD_KIND_ARRAY ||
        value->value.array.num_entries < 1 ||
        value->value.array.entries[0].kind != AMQP_FIELD_KIND_UTF8)
        return amqp_empty_bytes;
    return value->value.array.entries[0].value.bytes;
}

/* Does an array of texts hold another one than its first? */
static bool differs_within(const amqp_field_value_t *value)
{
    const amqp_array_t *array = &value->value.array;

    for (int i = 1; i < array->num_entries; i++)
        if (array->entries[i].kind == AMQP_FIELD_KIND_UTF8 &&
            !bytes_equal(array->entries[i].value.bytes, array->entries[0].value.bytes))
            return true;
    return false;
}

static bool read_own_headers(const amqp_table_t *headers, struct death *death)
{
    death->queue = named_text(headers, HEADER_QUEUE);
    death->reason = named_text(headers, HEADER_REASON);
    death->exchange = named_text(headers, HEADER_EXCHANGE);
    death->routing_key = named_text(headers, HEADER_ROUTING_KEY);
    death->count = 1;
    death->time = named_integer(headers, HEADER_TIME);
    return death->exchange.bytes != NULL && death->routing_key.bytes != NULL;
}

static bool is_death(const amqp_field_value_t *entry, amqp_bytes_t queue, amqp_bytes_t reason)
{
    return entry->kind == AMQP_FIELD_KIND_TABLE &&
           bytes_equal(named_text(&entry->value.table, "queue"), queue) &&
           bytes_equal(named_text(&entry->value.table, "reason"), reason);
}

/*
 * The entry of the first death. There is one for each queue and reason, and its place tells
 * nothing: up to 3.13 the one of the newest death stands in front, however old it is, and from 4.0
 * on they are in the order of their newest deaths. Where the broker does not say which was the
 * first, all have died once, and the newest stands in front.
 */
static const amqp_field_value_t *first_death(const amqp_table_t *headers)
{
    const amqp_field_value_t *deaths = find(headers, "x-death");
    amqp_bytes_t queue = named_text(headers, FIRST_DEATH_QUEUE);
    amqp_bytes_t reason = named_text(headers, FIRST_DEATH_REASON);
    const amqp_array_t *entries;

    if (deaths == NULL || deaths->kind != AMQP_FIELD_KIND_ARRAY ||
        deaths->value.array.num_entries < 1)
        return NULL;
    entries = &deaths->value.array;
    if (queue.bytes == NULL || reason.bytes == NULL)
        return &entries->entries[entries->num_entries - 1];
    for (int i = 0; i < entries->num_entries; i++)
        if (is_death(&entries->entries[i], queue, reason))
            return &entries->entries[i];
    return NULL;
}

static bool read_x_death(const amqp_table_t *headers, struct death *death)
{
    const amqp_field_value_t *entry = first_death(headers);
    const amqp_table_t *table;

    if (entry == NULL || entry->kind != AMQP_FIELD_KIND_TABLE)
        return false;
    table = &entry->value.table;
    death->queue = named_text(table, "queue");
    death->reason = named_text(table, "reason");
    death->exchange = named_text(table, "exchange");
    death->routing_key = first_of_array(find(table, "routing-keys"));
    death->has_other_keys =
        death->routing_key.bytes != NULL && differs_within(find(table, "routing-keys"));
    death->count = named_integer(table, "count");
    death->time = named_integer(table, "time");
    return death->exchange.bytes != NULL && death->routing_key.bytes != NULL;
}

bool death_read(const amqp_basic_properties_t *properties, struct death *death)
{
    memset(death, 0, sizeof *death);
    if (properties == NULL || (properties->_flags & AMQP_BASIC_HEADERS_FLAG) == 0)
        return false;
    if (read_own_headers(&properties->headers, death) || read_x_death(&properties->headers, death))
        return true;
    memset(death, 0, sizeof *death);
    return false;
}

amqp_bytes_t death_queue(const amqp_basic_properties_t *properties)
{
    const amqp_table_t *headers = &properties->headers;
    const amqp_field_value_t *entry;
    amqp_bytes_t queue;

    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) == 0)
        return amqp_empty_bytes;
    queue = named_text(headers, HEADER_QUEUE);
    if (queue.len == 0)
        queue = named_text(headers, FIRST_DEATH_QUEUE);
    entry = queue.len == 0 ? first_death(headers) : NULL;
    if (entry != NULL && entry->kind == AMQP_FIELD_KIND_TABLE)
        queue = named_text(&entry->value.table, "queue");
    return queue;
}

int64_t return_count(const amqp_basic_properties_t *properties)
{
    const amqp_field_value_t *value = NULL;
    int64_t count = 0;

    if (properties != NULL && (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        value = find(&properties->headers, DELIVERY_COUNT);
    if (value == NULL)
        return -1;
    return integer_of(value, &count) ? count : 0;
}

int64_t death_count(const amqp_basic_properties_t *properties)
{
    const amqp_field_value_t *deaths;
    int64_t total = 0;

    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) == 0)
        return 0;
    if (find(&properties->headers, HEADER_EXCHANGE) != NULL)
        total++;
    deaths = find(&properties->headers, "x-death");
    if (deaths == NULL || deaths->kind != AMQP_FIELD_KIND_ARRAY)
        return total;
    for (int i = 0; i < deaths->value.array.num_entries; i++) {
        const amqp_field_value_t *entry = &deaths->value.array.entries[i];
        int64_t count =
            entry->kind == AMQP_FIELD_KIND_TABLE ? named_integer(&entry->value.table, "count") : 0;

        /* The header may come from anyone. */
        if (count > 0 && count <= INT64_MAX - total)
            total += count;
    }
    return total;
}

int64_t replay_count(const amqp_basic_properties_t *properties)
{
    int64_t count = 0;

    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        count = named_integer(&properties->headers, HEADER_REPLAYS);
    return count < 0 || count == INT64_MAX ? 0 : count;
}

bool replayed_by(const amqp_basic_properties_t *properties, const char *run)
{
    return (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0 &&
           bytes_are(named_text(&properties->headers, HEADER_RUN), run);
}

bool death_is_brokers(amqp_bytes_t header)
{
    return bytes_are(header, DELIVERY_COUNT) || bytes_are(header, "x-acquired-count") ||
           bytes_are(header, "x-stream-offset");
}

/* A header by which the broker sends copies to other keys, or one that is its own. */
static bool is_of_delivery(amqp_bytes_t name)
{
    return bytes_are(name, "CC") || bytes_are(name, "BCC") || death_is_brokers(name);
}

/* A header of a death or of a delivery. */
static bool is_of_a_death(amqp_bytes_t name)
{
    static const char *const own[] = {HEADER_QUEUE,  HEADER_EXCHANGE, HEADER_ROUTING_KEY,
                                      HEADER_REASON, HEADER_TIME,     HEADER_PARKED};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (bytes_are(name, own[i]))
            return true;
    return is_of_delivery(name) || bytes_are(name, "x-death") ||
           (name.len > 14 && memcmp(name.bytes, "x-first-death-", 14) == 0) ||
           (name.len > 13 && memcmp(name.bytes, "x-last-death-", 13) == 0);
}

static amqp_table_entry_t text_entry(const char *name, amqp_bytes_t text)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};

    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = text;
    return entry;
}

static amqp_table_entry_t integer_entry(const char *name, int64_t integer)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(name)};

    entry.value.kind = AMQP_FIELD_KIND_I64;
    entry.value.value.i64 = integer;
    return entry;
}

static bool is_ours_to_renew(amqp_bytes_t name)
{
    return is_of_a_death(name) || bytes_are(name, HEADER_REPLAYS) || bytes_are(name, HEADER_RUN);
}

static bool is_of_parking(amqp_bytes_t name)
{
    return is_of_delivery(name) || bytes_are(name, HEADER_PARKED);
}

/*
 * The properties with their headers in a table of its own that has room for some more, and without
 * those that are to be left out.
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

static void add_header(amqp_basic_properties_t *properties, amqp_table_entry_t entry)
{
    properties->headers.entries[properties->headers.num_entries++] = entry;
    properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
}

amqp_basic_properties_t death_marked(const amqp_basic_properties_t *properties,
                                     const struct death *death, amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = copy_without(properties, is_of_a_death, 5, pool);

    add_header(&copy, text_entry(HEADER_QUEUE, death->queue));
    add_header(&copy, text_entry(HEADER_EXCHANGE, death->exchange));
    add_header(&copy, text_entry(HEADER_ROUTING_KEY, death->routing_key));
    add_header(&copy, text_entry(HEADER_REASON, death->reason));
    add_header(&copy, integer_entry(HEADER_TIME, death->time));
    /* As the broker does: a dead letter is kept until somebody looks at it. */
    copy._flags &= ~(amqp_flags_t)AMQP_BASIC_EXPIRATION_FLAG;
    return copy;
}

amqp_basic_properties_t death_revived(const amqp_basic_properties_t *properties, const char *run,
                                      amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = copy_without(properties, is_ours_to_renew, 2, pool);

    add_header(&copy, integer_entry(HEADER_REPLAYS, replay_count(properties) + 1));
    add_header(&copy, text_entry(HEADER_RUN, amqp_cstring_bytes(run)));
    return copy;
}

amqp_basic_properties_t death_parked(const amqp_basic_properties_t *properties, const char *note,
                                     amqp_pool_t *pool)
{
    amqp_basic_properties_t copy = copy_without(properties, is_of_parking, 1, pool);

    add_header(&copy, text_entry(HEADER_PARKED, amqp_cstring_bytes(note)));
    copy._flags &= ~(amqp_flags_t)AMQP_BASIC_EXPIRATION_FLAG;
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
