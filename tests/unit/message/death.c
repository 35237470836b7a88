#include "message/death.h"

#include "bytes.h"
#include "unit.h"

#include "amqp/bytes.h"

#include <stdio.h>
#include <string.h>

#define ENTRIES_MAX 16

/* Properties with headers, added one after the other. */
struct letter {
    amqp_basic_properties_t properties;
    amqp_table_entry_t entries[ENTRIES_MAX];
};

static bool read_death(const amqp_basic_properties_t *properties, struct death *death)
{
    struct history history;

    history_read(properties, &history);
    *death = history.death;
    return history.has_death;
}

static amqp_field_value_t *add(struct letter *letter, const char *name, uint8_t kind)
{
    amqp_table_entry_t *entry = &letter->entries[letter->properties.headers.num_entries++];

    letter->properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    letter->properties.headers.entries = letter->entries;
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = kind;
    return &entry->value;
}

static void add_text(struct letter *letter, const char *name, const char *text)
{
    add(letter, name, AMQP_FIELD_KIND_UTF8)->value.bytes = amqp_cstring_bytes(text);
}

static void add_integer(struct letter *letter, const char *name, int64_t integer)
{
    add(letter, name, AMQP_FIELD_KIND_I64)->value.i64 = integer;
}

/* A death as the broker writes it. */
struct entry {
    amqp_table_entry_t members[6];
    amqp_field_value_t keys[2];
};

static amqp_field_value_t death_entry(struct entry *entry, const char *queue, const char *reason,
                                      int64_t count, const char *second_key)
{
    static const char *const names[] = {"queue", "reason", "exchange",
                                        "count", "time",   "routing-keys"};
    amqp_field_value_t value = {.kind = AMQP_FIELD_KIND_TABLE};

    for (size_t i = 0; i < COUNT(names); i++)
        entry->members[i].key = amqp_cstring_bytes(names[i]);
    for (size_t i = 0; i < 3; i++)
        entry->members[i].value.kind = AMQP_FIELD_KIND_UTF8;
    entry->members[0].value.value.bytes = amqp_cstring_bytes(queue);
    entry->members[1].value.value.bytes = amqp_cstring_bytes(reason);
    entry->members[2].value.value.bytes = amqp_cstring_bytes("ex");
    entry->members[3].value.kind = AMQP_FIELD_KIND_I64;
    entry->members[3].value.value.i64 = count;
    entry->members[4].value.kind = AMQP_FIELD_KIND_TIMESTAMP;
    entry->members[4].value.value.u64 = 1769903999;
    entry->keys[0].kind = entry->keys[1].kind = AMQP_FIELD_KIND_UTF8;
    entry->keys[0].value.bytes = amqp_cstring_bytes("key");
    entry->keys[1].value.bytes = amqp_cstring_bytes(second_key == NULL ? "" : second_key);
    entry->members[5].value.kind = AMQP_FIELD_KIND_ARRAY;
    entry->members[5].value.value.array.num_entries = second_key == NULL ? 1 : 2;
    entry->members[5].value.value.array.entries = entry->keys;
    value.value.table.num_entries = 6;
    value.value.table.entries = entry->members;
    return value;
}

static void add_x_death(struct letter *letter, amqp_field_value_t *deaths, int count)
{
    amqp_field_value_t *value = add(letter, "x-death", AMQP_FIELD_KIND_ARRAY);

    value->value.array.num_entries = count;
    value->value.array.entries = deaths;
}

static void check_text(amqp_bytes_t bytes, const char *text)
{
    SAME_BYTES(bytes.bytes, bytes.len, text, strlen(text));
}

static struct history history_of(const amqp_basic_properties_t *properties)
{
    struct history history;

    history_read(properties, &history);
    return history;
}

static void reads_nothing_where_nothing_is_said(void)
{
    struct letter letter = {0};
    struct death death;

    memset(&death, 1, sizeof death);
    CHECK(!read_death(NULL, &death));
    CHECK(death.queue.bytes == NULL && death.count == 0 && death.time == 0);
    CHECK(!read_death(&letter.properties, &death));
    EQUAL(history_of(&letter.properties).queue.len, 0);
    EQUAL(history_of(&letter.properties).deaths, 0);
    EQUAL(replay_count(&letter.properties), 0);
    EQUAL(return_count(&letter.properties), -1);
    EQUAL(return_count(NULL), -1);
    EQUAL(history_of(&letter.properties).run.len, 0);
    add_text(&letter, "x-death", "no array");
    CHECK(!read_death(&letter.properties, &death));
    EQUAL(history_of(&letter.properties).deaths, 0);
}

static void reads_the_death_that_the_broker_writes(void)
{
    struct letter letter = {0};
    struct entry entry;
    amqp_field_value_t deaths[] = {death_entry(&entry, "q", "rejected", 3, NULL)};
    struct death death;

    add_x_death(&letter, deaths, 1);
    CHECK(read_death(&letter.properties, &death));
    check_text(death.queue, "q");
    check_text(death.reason, "rejected");
    check_text(death.exchange, "ex");
    check_text(death.routing_key, "key");
    EQUAL(death.count, 3);
    EQUAL(death.time, 1769903999);
    CHECK(!death.has_other_keys);
    check_text(history_of(&letter.properties).queue, "q");
    EQUAL(history_of(&letter.properties).deaths, 3);
}

static void reads_whether_there_were_other_keys(void)
{
    static const struct {
        const char *second;
        bool other;
    } rows[] = {{"key", false}, {"other", true}, {"", true}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct letter letter = {0};
        struct entry entry;
        amqp_field_value_t deaths[] = {death_entry(&entry, "q", "rejected", 1, rows[i].second)};
        struct death death;

        add_x_death(&letter, deaths, 1);
        CHECK(read_death(&letter.properties, &death));
        EQUAL(death.has_other_keys, rows[i].other);
    }
}

/* By name of queue and reason, wherever it stands; without a name the last, which is the oldest. */
static void finds_the_first_of_many_deaths(void)
{
    static const struct {
        const char *queue;
        const char *reason;
        const char *found;
    } rows[] = {{"one", "rejected", "one"},     {"two", "expired", "two"},
                {"three", "rejected", "three"}, {"two", "rejected", NULL},
                {NULL, NULL, "three"},          {"one", NULL, "three"},
                {NULL, "rejected", "three"}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct letter letter = {0};
        struct entry entries[3];
        amqp_field_value_t deaths[] = {death_entry(&entries[0], "one", "rejected", 1, NULL),
                                       death_entry(&entries[1], "two", "expired", 2, NULL),
                                       death_entry(&entries[2], "three", "rejected", 4, NULL)};
        struct death death;

        add_x_death(&letter, deaths, 3);
        if (rows[i].queue != NULL)
            add_text(&letter, "x-first-death-queue", rows[i].queue);
        if (rows[i].reason != NULL)
            add_text(&letter, "x-first-death-reason", rows[i].reason);
        EQUAL(read_death(&letter.properties, &death), rows[i].found != NULL);
        check_text(death.queue, rows[i].found == NULL ? "" : rows[i].found);
        EQUAL(history_of(&letter.properties).deaths, 7);
        check_text(history_of(&letter.properties).queue,
                   rows[i].queue != NULL ? rows[i].queue : "three");
    }
}

static void ignores_counts_that_cannot_be(void)
{
    struct letter letter = {0};
    struct entry entries[3];
    amqp_field_value_t deaths[] = {death_entry(&entries[0], "a", "rejected", INT64_MAX, NULL),
                                   death_entry(&entries[1], "b", "rejected", 5, NULL),
                                   death_entry(&entries[2], "c", "rejected", -7, NULL)};

    add_x_death(&letter, deaths, 3);
    EQUAL(history_of(&letter.properties).deaths, INT64_MAX);
    deaths[0].kind = AMQP_FIELD_KIND_VOID;
    EQUAL(history_of(&letter.properties).deaths, 5);
}

static void refuses_a_death_without_a_way_back(void)
{
    struct letter letter = {0};
    struct entry entry;
    amqp_field_value_t deaths[] = {death_entry(&entry, "q", "rejected", 1, NULL)};
    struct death death;

    add_x_death(&letter, deaths, 1);
    entry.members[5].value.value.array.num_entries = 0;
    CHECK(!read_death(&letter.properties, &death));
    CHECK(death.queue.bytes == NULL);
    entry.members[5].value.value.array.num_entries = 1;
    entry.keys[0].kind = AMQP_FIELD_KIND_I64;
    CHECK(!read_death(&letter.properties, &death));
    entry.keys[0].kind = AMQP_FIELD_KIND_UTF8;
    entry.members[2].value.kind = AMQP_FIELD_KIND_VOID;
    CHECK(!read_death(&letter.properties, &death));
    deaths[0].kind = AMQP_FIELD_KIND_VOID;
    CHECK(!read_death(&letter.properties, &death));
    EQUAL(history_of(&letter.properties).queue.len, 0);
}

static void reads_the_death_that_we_write(void)
{
    const struct death given = {.queue = BYTES("q"),
                                .reason = BYTES("not JSON"),
                                .exchange = BYTES(""),
                                .routing_key = BYTES("k"),
                                .time = 5};
    struct letter letter = {0};
    amqp_basic_properties_t marked;
    struct death death;
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    add_text(&letter, "own", "kept");
    marked = death_marked(&letter.properties, &given, &pool);
    CHECK(read_death(&marked, &death));
    check_text(death.queue, "q");
    check_text(death.reason, "not JSON");
    check_text(death.exchange, "");
    check_text(death.routing_key, "k");
    EQUAL(death.count, 1);
    EQUAL(death.time, 5);
    EQUAL(history_of(&marked).deaths, 1);
    check_text(history_of(&marked).queue, "q");
    EQUAL(marked.headers.num_entries, 6);
    check_text(marked.headers.entries[0].key, "own");
    empty_amqp_pool(&pool);
}

static void counts_returns_and_replays(void)
{
    static const struct {
        int64_t written;
        int64_t replays;
        int64_t returns;
    } rows[] = {{0, 0, 0}, {3, 3, 3}, {-1, 0, -1}, {INT64_MAX, 0, INT64_MAX}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct letter letter = {0};

        add_integer(&letter, "x-delivery-count", rows[i].written);
        add_integer(&letter, HEADER_REPLAYS, rows[i].written);
        EQUAL(replay_count(&letter.properties), rows[i].replays);
        EQUAL(return_count(&letter.properties), rows[i].returns);
    }
}

static void reads_counts_of_another_type_as_none(void)
{
    struct letter letter = {0};

    add_text(&letter, "x-delivery-count", "3");
    add_text(&letter, HEADER_REPLAYS, "3");
    EQUAL(replay_count(&letter.properties), 0);
    EQUAL(return_count(&letter.properties), 0);
}

static void knows_the_run_that_sent_a_letter_back(void)
{
    struct letter letter = {0};

    add_text(&letter, HEADER_RUN, "run-1");
    CHECK(bytes_are(history_of(&letter.properties).run, "run-1"));
    CHECK(!bytes_are(history_of(&letter.properties).run, "run-2"));
    CHECK(!bytes_are(history_of(&letter.properties).run, "run-"));
}

/* A letter that has all that a copy may have to leave out. */
static void fill(struct letter *letter)
{
    static const char *const names[] = {"own",
                                        "CC",
                                        "BCC",
                                        "x-delivery-count",
                                        "x-acquired-count",
                                        "x-death",
                                        "x-first-death-queue",
                                        "x-last-death-queue",
                                        HEADER_QUEUE,
                                        HEADER_PARKED,
                                        HEADER_REPLAYS,
                                        HEADER_RUN,
                                        "x-first-death-",
                                        "x-stream-offset"};

    memset(letter, 0, sizeof *letter);
    for (size_t i = 0; i < COUNT(names); i++)
        add_text(letter, names[i], "?");
    letter->properties._flags |= AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG;
    letter->properties.user_id = amqp_cstring_bytes("me");
}

static void check_names(const amqp_basic_properties_t *copy, const char *expected)
{
    char names[512] = "";

    for (int i = 0; i < copy->headers.num_entries; i++)
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s%.*s",
                       i == 0 ? "" : " ", (int)copy->headers.entries[i].key.len,
                       (const char *)copy->headers.entries[i].key.bytes);
    SAME(names, expected);
}

static void leaves_out_of_copies_what_is_not_their_own(void)
{
    static const struct death death;
    const amqp_flags_t user_and_expiration = AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG;
    struct letter letter;
    amqp_basic_properties_t copy;
    amqp_pool_t pool;

    fill(&letter);
    init_amqp_pool(&pool, 4096);
    copy = death_marked(&letter.properties, &death, &pool);
    check_names(&copy,
                "own " HEADER_REPLAYS " " HEADER_RUN " x-first-death- " HEADER_QUEUE
                " " HEADER_EXCHANGE " " HEADER_ROUTING_KEY " " HEADER_REASON " " HEADER_TIME);
    EQUAL(copy._flags & user_and_expiration, 0);
    copy = death_revived(&letter.properties, "run", &pool);
    check_names(&copy, "own x-first-death- " HEADER_REPLAYS " " HEADER_RUN);
    EQUAL(copy._flags & user_and_expiration, AMQP_BASIC_EXPIRATION_FLAG);
    copy = death_parked(&letter.properties, "note", NULL, &pool);
    check_names(&copy, "own x-death x-first-death-queue x-last-death-queue " HEADER_QUEUE
                       " " HEADER_REPLAYS " " HEADER_RUN " x-first-death- " HEADER_PARKED);
    EQUAL(copy._flags & user_and_expiration, 0);
    copy = death_parked(&letter.properties, "note", &death, &pool);
    check_names(&copy, "own x-death x-first-death-queue x-last-death-queue " HEADER_REPLAYS
                       " " HEADER_RUN " x-first-death- " HEADER_QUEUE " " HEADER_EXCHANGE
                       " " HEADER_ROUTING_KEY " " HEADER_REASON " " HEADER_TIME " " HEADER_PARKED);
    copy = death_diverted(&letter.properties, &death, "run", &pool);
    check_names(&copy,
                "own x-first-death- " HEADER_REPLAYS " " HEADER_RUN " " HEADER_QUEUE
                " " HEADER_EXCHANGE " " HEADER_ROUTING_KEY " " HEADER_REASON " " HEADER_TIME);
    EQUAL(copy._flags & user_and_expiration, AMQP_BASIC_EXPIRATION_FLAG);
    copy = death_restored(&letter.properties, NULL, &pool);
    check_names(&copy, "own x-death x-first-death-queue x-last-death-queue " HEADER_QUEUE
                       " " HEADER_PARKED " " HEADER_REPLAYS " " HEADER_RUN " x-first-death-");
    EQUAL(copy._flags & user_and_expiration, AMQP_BASIC_EXPIRATION_FLAG);
    empty_amqp_pool(&pool);
}

static void keeps_the_user_id_of_who_is_logged_in(void)
{
    struct letter letter;
    amqp_basic_properties_t copy;
    amqp_pool_t pool;

    fill(&letter);
    init_amqp_pool(&pool, 4096);
    copy = death_restored(&letter.properties, "me", &pool);
    EQUAL(copy._flags & AMQP_BASIC_USER_ID_FLAG, AMQP_BASIC_USER_ID_FLAG);
    copy = death_restored(&letter.properties, "you", &pool);
    EQUAL(copy._flags & AMQP_BASIC_USER_ID_FLAG, 0);
    empty_amqp_pool(&pool);
}

static void counts_a_replay_and_names_its_run(void)
{
    struct letter letter = {0};
    amqp_basic_properties_t copy;
    struct death death;
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    copy = death_revived(&letter.properties, "run-1", &pool);
    EQUAL(replay_count(&copy), 1);
    CHECK(bytes_are(history_of(&copy).run, "run-1"));
    add_integer(&letter, HEADER_REPLAYS, 41);
    add_text(&letter, HEADER_RUN, "run-0");
    copy = death_revived(&letter.properties, "run-1", &pool);
    EQUAL(replay_count(&copy), 42);
    CHECK(bytes_are(history_of(&copy).run, "run-1"));
    CHECK(!read_death(&copy, &death));
    empty_amqp_pool(&pool);
}

static void gives_headers_to_a_letter_without(void)
{
    struct letter letter = {0};
    amqp_basic_properties_t copy;
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    copy = death_parked(&letter.properties, "sent back 3 times", NULL, &pool);
    EQUAL(copy._flags & AMQP_BASIC_HEADERS_FLAG, AMQP_BASIC_HEADERS_FLAG);
    check_text(copy.headers.entries[0].value.value.bytes, "sent back 3 times");
    copy = death_restored(&letter.properties, NULL, &pool);
    EQUAL(copy._flags & AMQP_BASIC_HEADERS_FLAG, 0);
    empty_amqp_pool(&pool);
}

int main(void)
{
    RUN(reads_nothing_where_nothing_is_said);
    RUN(reads_the_death_that_the_broker_writes);
    RUN(reads_whether_there_were_other_keys);
    RUN(finds_the_first_of_many_deaths);
    RUN(ignores_counts_that_cannot_be);
    RUN(refuses_a_death_without_a_way_back);
    RUN(reads_the_death_that_we_write);
    RUN(counts_returns_and_replays);
    RUN(reads_counts_of_another_type_as_none);
    RUN(knows_the_run_that_sent_a_letter_back);
    RUN(leaves_out_of_copies_what_is_not_their_own);
    RUN(keeps_the_user_id_of_who_is_logged_in);
    RUN(counts_a_replay_and_names_its_run);
    RUN(gives_headers_to_a_letter_without);
    return unit_end();
}
