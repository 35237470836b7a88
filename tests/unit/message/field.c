#include "message/field.h"

#include "bytes.h"
#include "unit.h"

#include "json/json.h"

#include <stdlib.h>
#include <string.h>

/*
 * A header called h, as it stands on the wire (AMQP 0-9-1, 4.2.1, with the types as RabbitMQ has
 * them), and as JSON: one is made of the other in both directions.
 */
#define HEADER(bytes) BYTES("\x01h" bytes)

static amqp_bytes_t table_of(amqp_bytes_t entries, amqp_pool_t *pool)
{
    amqp_bytes_t table;

    amqp_pool_alloc_bytes(pool, entries.len + 4, &table);
    for (size_t i = 0; i < 4; i++)
        ((unsigned char *)table.bytes)[i] = (unsigned char)(entries.len >> (24 - 8 * i));
    memcpy((char *)table.bytes + 4, entries.bytes, entries.len);
    return table;
}

static void check_to_json(amqp_bytes_t entries, const char *expected)
{
    amqp_table_t table;
    amqp_pool_t pool;
    size_t used = 0;

    init_amqp_pool(&pool, 4096);
    if (EQUAL(amqp_decode_table(table_of(entries, &pool), &pool, &table, &used), AMQP_STATUS_OK)) {
        cJSON *json = field_table_to_json(&table);
        char *text = json_print(json);

        SAME(text, expected);
        cJSON_free(text);
        cJSON_Delete(json);
    }
    empty_amqp_pool(&pool);
}

static void check_from_json(const char *text, amqp_bytes_t entries)
{
    static char space[1 << 16];
    amqp_bytes_t encoded = {.len = sizeof space, .bytes = space};
    const char *reason;
    cJSON *json = json_parse(text, strlen(text), &reason);
    amqp_table_t table;
    amqp_pool_t pool;
    size_t used = 0;

    init_amqp_pool(&pool, 4096);
    if (CHECK(field_table_from_json(json, &pool, &table, &reason)) &&
        EQUAL(amqp_encode_table(encoded, &table, &used), AMQP_STATUS_OK)) {
        amqp_bytes_t expected = table_of(entries, &pool);

        SAME_BYTES(space, used, expected.bytes, expected.len);
    }
    empty_amqp_pool(&pool);
    cJSON_Delete(json);
}

static void converts_values_both_ways(void)
{
    const struct {
        const char *json;
        amqp_bytes_t entries;
    } rows[] = {
        {"{}", BYTES("")},
        {"{\"h\":\"text\"}", HEADER("S\0\0\0\x04text")},
        {"{\"h\":\"\"}", HEADER("S\0\0\0\0")},
        {"{\"h\":\"\xC3\xBC\"}", HEADER("S\0\0\0\x02\xC3\xBC")},
        {"{\"h\":{\"amqp\":\"string\",\"base64\":\"/w==\"}}", HEADER("S\0\0\0\x01\xFF")},
        {"{\"h\":{\"amqp\":\"string\",\"base64\":\"YQBi\"}}", HEADER("S\0\0\0\x03"
                                                                     "a\0b")},
        {"{\"h\":{\"amqp\":\"bytes\",\"base64\":\"YWI=\"}}", HEADER("x\0\0\0\x02"
                                                                    "ab")},
        {"{\"h\":true}", HEADER("t\x01")},
        {"{\"h\":false}", HEADER("t\0")},
        {"{\"h\":null}", HEADER("V")},
        {"{\"h\":-2}", HEADER("l\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE")},
        {"{\"h\":{\"amqp\":\"int64\",\"value\":\"9223372036854775807\"}}",
         HEADER("l\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
        {"{\"h\":{\"amqp\":\"int8\",\"value\":-1}}", HEADER("b\xFF")},
        {"{\"h\":{\"amqp\":\"uint8\",\"value\":255}}", HEADER("B\xFF")},
        {"{\"h\":{\"amqp\":\"int16\",\"value\":258}}", HEADER("s\x01\x02")},
        {"{\"h\":{\"amqp\":\"uint16\",\"value\":65534}}", HEADER("u\xFF\xFE")},
        {"{\"h\":{\"amqp\":\"int32\",\"value\":-2}}", HEADER("I\xFF\xFF\xFF\xFE")},
        {"{\"h\":{\"amqp\":\"uint32\",\"value\":4294967294}}", HEADER("i\xFF\xFF\xFF\xFE")},
        {"{\"h\":{\"amqp\":\"uint64\",\"value\":\"18446744073709551615\"}}",
         HEADER("L\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
        {"{\"h\":{\"amqp\":\"timestamp\",\"value\":1}}", HEADER("T\0\0\0\0\0\0\0\x01")},
        {"{\"h\":{\"amqp\":\"float32\",\"value\":0.5}}", HEADER("f\x3F\0\0\0")},
        {"{\"h\":{\"amqp\":\"float64\",\"value\":-2}}", HEADER("d\xC0\0\0\0\0\0\0\0")},
        {"{\"h\":{\"amqp\":\"float64\",\"value\":0.1}}",
         HEADER("d\x3F\xB9\x99\x99\x99\x99\x99\x9A")},
        {"{\"h\":{\"amqp\":\"float64\",\"value\":0.10000000000000002}}",
         HEADER("d\x3F\xB9\x99\x99\x99\x99\x99\x9B")},
        {"{\"h\":{\"amqp\":\"decimal\",\"scale\":2,\"value\":314}}", HEADER("D\x02\0\0\x01\x3A")},
        {"{\"h\":[]}", HEADER("A\0\0\0\0")},
        {"{\"h\":[true,\"x\",[null]]}", HEADER("A\0\0\0\x0E"
                                               "t\x01S\0\0\0\x01xA\0\0\0\x01V")},
        {"{\"h\":{}}", HEADER("F\0\0\0\0")},
        {"{\"h\":{\"a\":true,\"b\":{\"c\":null}}}",
         HEADER("F\0\0\0\x0E" NAME_A "t\x01" NAME_B "F\0\0\0\x03" NAME_C "V")},
        {"{\"h\":{\"amqp\":\"table\",\"value\":{\"amqp\":null}}}", HEADER("F\0\0\0\x06\x04"
                                                                          "amqpV")},
        {"{\"h\":{\"amqp\":\"table\",\"entries\":[[\"a\",null],[\"a\",true]]}}",
         HEADER("F\0\0\0\x07" NAME_A "V" NAME_A "t\x01")},
        {"{\"amqp\":\"table\",\"entries\":[[{\"amqp\":\"string\",\"base64\":\"/w==\"},null]]}",
         BYTES("\x01\xFFV")},
        {"{\"amqp\":\"table\",\"value\":{\"amqp\":null}}", BYTES("\x04"
                                                                 "amqpV")},
        {"{\"\":null}", BYTES("\0V")},
        {"{\"a\":null,\"aa\":null,\"b\":null}", BYTES(NAME_A "V\x02"
                                                             "aaV" NAME_B "V")},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].json);
        check_to_json(rows[i].entries, rows[i].json);
        check_from_json(rows[i].json, rows[i].entries);
    }
}

/* A table of one entry without a name, in base64. */
static void encodes_what_json_cannot_say(void)
{
    check_to_json(HEADER("d\x7F\xF0\0\0\0\0\0\0"),
                  "{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAACgBkf/AAAAAAAAA=\"}}");
    check_to_json(HEADER("f\x7F\xC0\0\0"),
                  "{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAABgBmf8AAAA==\"}}");
}

/* 17 arrays, one within the other: the last stands encoded, and is read as what it was. */
static void encodes_what_is_nested_too_deeply(void)
{
    static const char start[] = "{\"h\":[[[[[[[[[[[[[[[{\"amqp\":\"encoded\",\"base64\":";
    enum { DEPTH = 17 };
    unsigned char entries[2 + DEPTH * 5] = {1, 'h'};
    amqp_bytes_t bytes = {.len = sizeof entries, .bytes = entries};
    amqp_table_t table;
    amqp_pool_t pool;
    size_t used = 0;
    cJSON *json;
    char *text;

    for (size_t i = 0; i < DEPTH; i++) {
        entries[2 + i * 5] = 'A';
        entries[2 + i * 5 + 4] = (unsigned char)((DEPTH - 1 - i) * 5);
    }
    init_amqp_pool(&pool, 4096);
    if (EQUAL(amqp_decode_table(table_of(bytes, &pool), &pool, &table, &used), AMQP_STATUS_OK)) {
        json = field_table_to_json(&table);
        text = json_print(json);
        CHECK(strncmp(text, start, sizeof start - 1) == 0);
        check_from_json(text, bytes);
        cJSON_free(text);
        cJSON_Delete(json);
    }
    empty_amqp_pool(&pool);
}

static void takes_other_ways_of_writing_the_same(void)
{
    check_from_json("{\"h\":5.0}", HEADER("l\0\0\0\0\0\0\0\x05"));
    check_from_json("{\"h\":{\"amqp\":\"string\",\"base64\":\"YWI=\"}}", HEADER("S\0\0\0\x02"
                                                                                "ab"));
    check_from_json("{\"h\":{\"amqp\":\"int64\",\"value\":5}}", HEADER("l\0\0\0\0\0\0\0\x05"));
    check_from_json("{\"h\":{\"amqp\":\"table\",\"value\":{}}}", HEADER("F\0\0\0\0"));
    check_from_json("{\"h\":{\"value\":null}}", HEADER("F\0\0\0\x07\x05valueV"));
}

#define NO_KIND "a header's value is of no kind that AMQP has"

static void refuses_what_is_no_header(void)
{
    static const struct {
        const char *json;
        const char *fault;
    } rows[] = {
        {"[]", NO_KIND},
        {"\"x\"", NO_KIND},
        {"{\"h\":1.5}", NO_KIND},
        {"{\"h\":9007199254740992}", NO_KIND},
        {"{\"h\":{\"amqp\":\"int7\",\"value\":1}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"int8\",\"value\":128}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"int8\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"int8\",\"value\":1,\"more\":1}}", NO_KIND},
        {"{\"h\":{\"amqp\":null,\"value\":1}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"float64\",\"value\":\"1\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"float64\",\"value\":1e999}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"float32\",\"value\":1e300}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"decimal\",\"value\":1}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"decimal\",\"scale\":256,\"value\":1}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"decimal\",\"scale\":1,\"value\":-1}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"bytes\",\"base64\":\"x\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"bytes\",\"value\":\"YQ==\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAA\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAAAA==\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAAAgBWAA==\"}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"table\",\"value\":[]}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"table\",\"entries\":{}}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"table\",\"entries\":[[\"a\"]]}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"table\",\"entries\":[1]}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"table\",\"entries\":[[1,null]]}}", NO_KIND},
        {"{\"h\":[1.5]}", NO_KIND},
        {"{\"h\":{\"a\":1.5}}", NO_KIND},
        {"{\"h\":{\"amqp\":\"table\",\"entries\":[[\"a\",1.5]]}}", NO_KIND},
        {"{\"amqp\":1}", NO_KIND},
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAACgBkf/AAAAAAAAA=\"}}",
         "the broker takes no float that is not finite"},
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAABgBmf8AAAA==\"}}",
         "the broker takes no float that is not finite"},
        /* The same float within an array, and within a table. */
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAACwBBAAAABWZ/wAAA\"}}",
         "the broker takes no float that is not finite"},
        {"{\"h\":{\"amqp\":\"encoded\",\"base64\":\"AAAADQBGAAAABwFhZn/AAAA=\"}}",
         "the broker takes no float that is not finite"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *reason;
        cJSON *json = json_parse(rows[i].json, strlen(rows[i].json), &reason);
        amqp_table_t table;
        amqp_pool_t pool;

        unit_row(rows[i].json);
        init_amqp_pool(&pool, 4096);
        CHECK(!field_table_from_json(json, &pool, &table, &reason));
        SAME(reason, rows[i].fault);
        empty_amqp_pool(&pool);
        cJSON_Delete(json);
    }
}

static void refuses_names_of_more_than_255_bytes(void)
{
    static const char *const starts[] = {"{\"", "{\"amqp\":\"table\",\"entries\":[[\""};
    static const char *const ends[] = {"\":null}", "\",null]]}"};

    for (size_t i = 0; i < COUNT(starts); i++)
        for (size_t len = 255; len <= 256; len++) {
            char text[512] = "";
            const char *reason;
            amqp_table_t table;
            amqp_pool_t pool;
            cJSON *json;

            (void)strcat(text, starts[i]);
            memset(text + strlen(starts[i]), 'n', len);
            (void)strcat(text, ends[i]);
            json = json_parse(text, strlen(text), &reason);
            init_amqp_pool(&pool, 4096);
            EQUAL(field_table_from_json(json, &pool, &table, &reason), len == 255);
            SAME(reason, len == 255 ? NO_KIND : "a header's name has more than 255 bytes");
            empty_amqp_pool(&pool);
            cJSON_Delete(json);
        }
}

int main(void)
{
    RUN(converts_values_both_ways);
    RUN(encodes_what_json_cannot_say);
    RUN(encodes_what_is_nested_too_deeply);
    RUN(takes_other_ways_of_writing_the_same);
    RUN(refuses_what_is_no_header);
    RUN(refuses_names_of_more_than_255_bytes);
    return unit_end();
}
