#include "message/death.h"

#include "amqp/bytes.h"
#include "message/integer.h"

#include <stddef.h>
#include <string.h>

/* The headers that are read. */
enum known {
    OWN_QUEUE,
    OWN_EXCHANGE,
    OWN_ROUTING_KEY,
    OWN_REASON,
    OWN_TIME,
    OWN_REPLAYS,
    OWN_RUN,
    X_DEATH,
    FIRST_DEATH_QUEUE,
    FIRST_DEATH_REASON,
    DELIVERY_COUNT,
    KNOWN
};

#define NAME(string) .text = string, .len = sizeof string - 1

static const struct {
    const char *text;
    size_t len;
} names[KNOWN] = {[OWN_QUEUE] = {NAME(HEADER_QUEUE)},
                  [OWN_EXCHANGE] = {NAME(HEADER_EXCHANGE)},
                  [OWN_ROUTING_KEY] = {NAME(HEADER_ROUTING_KEY)},
                  [OWN_REASON] = {NAME(HEADER_REASON)},
                  [OWN_TIME] = {NAME(HEADER_TIME)},
                  [OWN_REPLAYS] = {NAME(HEADER_REPLAYS)},
                  [OWN_RUN] = {NAME(HEADER_RUN)},
                  [X_DEATH] = {NAME("x-death")},
                  [FIRST_DEATH_QUEUE] = {NAME("x-first-death-queue")},
                  [FIRST_DEATH_REASON] = {NAME("x-first-death-reason")},
                  [DELIVERY_COUNT] = {NAME("x-delivery-count")}};

/* Values of the known headers; NULL for a missing one. Of two with the same name, the first. */
struct found {
    const amqp_field_value_t *values[KNOWN];
};

static struct found find_known(const amqp_basic_properties_t *properties)
{
    struct found found = {{NULL}};
    int count = properties != NULL && (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0
                    ? properties->headers.num_entries
                    : 0;

    for (int i = 0; i < count; i++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[i];

        for (size_t known = 0; known < KNOWN; known++)
            if (entry->key.len == names[known].len && found.values[known] == NULL &&
                memcmp(entry->key.bytes, names[known].text, names[known].len) == 0)
                found.values[known] = &entry->value;
    }
    return found;
}

static const amqp_field_value_t *find(const amqp_table_t *table, const char *name)
{
    for (int i = 0; i < table->num_entries; i++)
        if (bytes_are(table->entries[i].key, name))
            return &table->entries[i].value;
    return NULL;
}

static int64_t integer_in(const amqp_field_value_t *value)
{
    int64_t integer = 0;

    return value != NULL && integer_of(value, &integer) ? integer : 0;
}

static amqp_bytes_t text_in(const amqp_field_value_t *value)
{
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

static bool is_origin_known(const struct death *death)
{
    return death->exchange.bytes != NULL && death->routing_key.bytes != NULL;
}

static bool read_own(const struct found *found, struct death *death)
{
    death->queue = text_in(found->values[OWN_QUEUE]);
    death->reason = text_in(found->values[OWN_REASON]);
    death->exchange = text_in(found->values[OWN_EXCHANGE]);
    death->routing_key = text_in(found->values[OWN_ROUTING_KEY]);
    death->count = 1;
    death->time = integer_in(found->values[OWN_TIME]);
    return is_origin_known(death);
}

static const amqp_array_t *x_death(const struct found *found)
{
    const amqp_field_value_t *deaths = found->values[X_DEATH];

    return deaths != NULL && deaths->kind == AMQP_FIELD_KIND_ARRAY ? &deaths->value.array : NULL;
}

static bool is_death(const amqp_field_value_t *entry, amqp_bytes_t queue, amqp_bytes_t reason)
{
    return entry->kind == AMQP_FIELD_KIND_TABLE &&
           bytes_equal(text_in(find(&entry->value.table, "queue")), queue) &&
           bytes_equal(text_in(find(&entry->value.table, "reason")), reason);
}

/*
 * Returns the entry of the first death, or NULL. There is one entry for each queue and reason, and
 * its place tells nothing: up to RabbitMQ 3.13 the one of the newest death stands in front, however
 * old the entry is, and from 4.0 on they are in the order of their newest deaths. Where the broker
 * does not say which was the first, all have died once, and the newest stands in front.
 */
static const amqp_table_t *first_death(const struct found *found)
{
    const amqp_array_t *deaths = x_death(found);
    amqp_bytes_t queue = text_in(found->values[FIRST_DEATH_QUEUE]);
    amqp_bytes_t reason = text_in(found->values[FIRST_DEATH_REASON]);
    const amqp_field_value_t *entry = NULL;

    if (deaths == NULL || deaths->num_entries < 1)
        return NULL;
    if (queue.bytes == NULL || reason.bytes == NULL)
        entry = &deaths->entries[deaths->num_entries - 1];
    for (int i = 0; i < deaths->num_entries && entry == NULL; i++)
        if (is_death(&deaths->entries[i], queue, reason))
            entry = &deaths->entries[i];
    return entry != NULL && entry->kind == AMQP_FIELD_KIND_TABLE ? &entry->value.table : NULL;
}

static bool read_x_death(const struct found *found, struct death *death)
{
    const amqp_table_t *table = first_death(found);
    const amqp_field_value_t *keys;

    if (table == NULL)
        return false;
    keys = find(table, "routing-keys");
    death->queue = text_in(find(table, "queue"));
    death->reason = text_in(find(table, "reason"));
    death->exchange = text_in(find(table, "exchange"));
    death->routing_key = first_of_array(keys);
    death->has_other_keys = death->routing_key.bytes != NULL && differs_within(keys);
    death->count = integer_in(find(table, "count"));
    death->time = integer_in(find(table, "time"));
    return is_origin_known(death);
}

static bool read_death(const struct found *found, struct death *death)
{
    memset(death, 0, sizeof *death);
    if (read_own(found, death) || read_x_death(found, death))
        return true;
    memset(death, 0, sizeof *death);
    return false;
}

static amqp_bytes_t queue_of_death(const struct found *found)
{
    amqp_bytes_t queue = text_in(found->values[OWN_QUEUE]);
    const amqp_table_t *table;

    if (queue.len == 0)
        queue = text_in(found->values[FIRST_DEATH_QUEUE]);
    table = queue.len == 0 ? first_death(found) : NULL;
    return table != NULL ? text_in(find(table, "queue")) : queue;
}

static int64_t count_deaths(const struct found *found)
{
    const amqp_array_t *deaths = x_death(found);
    int64_t total = found->values[OWN_EXCHANGE] != NULL ? 1 : 0;

    for (int i = 0; deaths != NULL && i < deaths->num_entries; i++) {
        const amqp_field_value_t *entry = &deaths->entries[i];
        int64_t count = entry->kind == AMQP_FIELD_KIND_TABLE
                            ? integer_in(find(&entry->value.table, "count"))
                            : 0;

        /* The header may come from anyone. */
        if (count > 0 && count <= INT64_MAX - total)
            total += count;
    }
    return total;
}

static int64_t count_replays(const struct found *found)
{
    int64_t count = integer_in(found->values[OWN_REPLAYS]);

    return count < 0 || count == INT64_MAX ? 0 : count;
}

static int64_t count_returns(const struct found *found)
{
    const amqp_field_value_t *value = found->values[DELIVERY_COUNT];

    return value == NULL ? -1 : integer_in(value);
}

void history_read(const amqp_basic_properties_t *properties, struct history *history)
{
    struct found found = find_known(properties);

    history->has_death = read_death(&found, &history->death);
    history->queue = queue_of_death(&found);
    history->deaths = count_deaths(&found);
    history->replays = count_replays(&found);
    history->returns = count_returns(&found);
    history->run = text_in(found.values[OWN_RUN]);
}

int64_t replay_count(const amqp_basic_properties_t *properties)
{
    struct found found = find_known(properties);

    return count_replays(&found);
}

int64_t return_count(const amqp_basic_properties_t *properties)
{
    struct found found = find_known(properties);

    return count_returns(&found);
}
