#include "message/envelope.h"

#include "bytes.h"
#include "unit.h"

#include "json/json.h"

#include <stdio.h>
#include <string.h>

/* What every envelope of these tests starts with. */
#define START                                                                         \
    "{\"queue\":\"q\",\"exchange\":\"e\",\"routing_key\":\"k\",\"redelivered\":true," \
    "\"death\":null,\"deaths\":0,\"replays\":0,"

static void check_written(const amqp_basic_properties_t *properties, amqp_bytes_t body,
                          const char *expected)
{
    const struct delivery delivery = {.redelivered = true,
                                      .exchange = amqp_cstring_bytes("e"),
                                      .routing_key = amqp_cstring_bytes("k"),
                                      .body = body};
    cJSON *envelope = envelope_new(&delivery, properties, "q");
    char *text = json_print(envelope);

    SAME(text, expected);
    cJSON_free(text);
    cJSON_Delete(envelope);
}

static void writes_bodies_as_what_they_are(void)
{
    const struct {
        amqp_bytes_t body;
        const char *shown;
    } rows[] = {
        {BYTES("{\"a\":1.50}"), "\"body\":{\"a\":1.50}"},
        {BYTES("12345678901234567890"), "\"body\":12345678901234567890"},
        {BYTES("{ \"a\": 1 }"), "\"body\":{\"a\":1},\"body_text\":\"{ \\\"a\\\": 1 }\""},
        {BYTES("\"\xC2\x85\""), "\"body\":\"\\u0085\",\"body_text\":\"\\\"\xC2\x85\\\"\""},
        {BYTES("text"), "\"body_text\":\"text\""},
        {BYTES(""), "\"body_text\":\"\""},
        {BYTES("{\"a\":1,\"a\":2}"), "\"body_text\":\"{\\\"a\\\":1,\\\"a\\\":2}\""},
        {BYTES("\"\\u0000\""), "\"body_text\":\"\\\"\\\\u0000\\\"\""},
        {BYTES("a\0b"), "\"body_base64\":\"YQBi\""},
        {BYTES("\xFF"), "\"body_base64\":\"/w==\""},
    };
    static const amqp_basic_properties_t none;
    char expected[512];

    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)snprintf(expected, sizeof expected, START "\"properties\":{},\"headers\":null,%s}",
                       rows[i].shown);
        check_written(&none, rows[i].body, expected);
    }
}

/* Arrays, one within the other; returns the text. */
static const char *nested(char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

/* Deeper ones would leave the envelope too little of the depth that JSON may have. */
static void writes_bodies_of_48_levels_as_json(void)
{
    static const amqp_basic_properties_t none;
    char text[128];
    char expected[512];

    (void)snprintf(expected, sizeof expected,
                   START "\"properties\":{},\"headers\":null,"
                         "\"body\":%s}",
                   nested(text, 49));
    check_written(&none, amqp_cstring_bytes(text), expected);
    (void)snprintf(expected, sizeof expected,
                   START "\"properties\":{},\"headers\":null,"
                         "\"body_text\":\"%s\"}",
                   nested(text, 50));
    check_written(&none, amqp_cstring_bytes(text), expected);
}

static void writes_properties(void)
{
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG |
                  AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG |
                  AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_EXPIRATION_FLAG |
                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG |
                  AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_CLUSTER_ID_FLAG,
        .content_type = BYTES("a"),
        .content_encoding = BYTES("b"),
        .correlation_id = BYTES("c"),
        .reply_to = BYTES("d"),
        .expiration = BYTES("e"),
        .message_id = BYTES("f"),
        .type = BYTES("g"),
        .user_id = BYTES("h"),
        .app_id = BYTES("i"),
        .cluster_id = BYTES("\xFF"),
        .delivery_mode = 2,
        .priority = 255,
        .timestamp = UINT64_MAX,
    };

    check_written(&properties, BYTES("1"),
                  START "\"properties\":{\"content_type\":\"a\",\"content_encoding\":\"b\","
                        "\"correlation_id\":\"c\",\"reply_to\":\"d\",\"expiration\":\"e\","
                        "\"message_id\":\"f\",\"type\":\"g\",\"user_id\":\"h\",\"app_id\":\"i\","
                        "\"cluster_id\":{\"amqp\":\"string\",\"base64\":\"/w==\"},"
                        "\"delivery_mode\":2,\"priority\":255,"
                        "\"timestamp\":\"18446744073709551615\"},\"headers\":{},\"body\":1}");
    check_written(NULL, BYTES("1"), START "\"properties\":null,\"headers\":null,\"body\":1}");
}

static void writes_a_death(void)
{
    amqp_table_entry_t entries[] = {
        {BYTES("order-tools-queue"), {AMQP_FIELD_KIND_UTF8, {.bytes = BYTES("from")}}},
        {BYTES("order-tools-reason"), {AMQP_FIELD_KIND_UTF8, {.bytes = BYTES("why")}}},
        {BYTES("order-tools-exchange"), {AMQP_FIELD_KIND_UTF8, {.bytes = BYTES("")}}},
        {BYTES("order-tools-routing-key"), {AMQP_FIELD_KIND_UTF8, {.bytes = BYTES("way")}}},
        {BYTES("order-tools-time"), {AMQP_FIELD_KIND_I64, {.i64 = 1769903999}}},
        {BYTES("order-tools-replays"), {AMQP_FIELD_KIND_I64, {.i64 = 2}}},
    };
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG,
                                          .headers = {COUNT(entries), entries}};
    const struct delivery delivery = {.body = BYTES("1")};
    cJSON *envelope = envelope_new(&delivery, &properties, "q");
    char *text = json_print(json_member(envelope, "death"));

    SAME(text, "{\"queue\":\"from\",\"reason\":\"why\",\"exchange\":\"\",\"routing_key\":\"way\","
               "\"count\":1,\"time\":\"2026-01-31T23:59:59.000Z\"}");
    cJSON_free(text);
    text = json_print(json_member(envelope, "deaths"));
    SAME(text, "1");
    cJSON_free(text);
    text = json_print(json_member(envelope, "replays"));
    SAME(text, "2");
    cJSON_free(text);
    cJSON_Delete(envelope);
}

static struct envelope envelope;
static char fault[ENVELOPE_FAULT_SIZE];
static amqp_pool_t pool;

/* Reads a text into envelope, or says in fault what is wrong with it; until release(). */
static bool reads(const char *text)
{
    unit_row(text);
    envelope = (struct envelope){0};
    fault[0] = '\0';
    init_amqp_pool(&pool, 4096);
    return envelope_read(&envelope, text, strlen(text), &pool, fault);
}

static void release(void)
{
    envelope_free(&envelope);
    empty_amqp_pool(&pool);
}

static void reads_bodies(void)
{
    const struct {
        const char *text;
        amqp_bytes_t body;
    } rows[] = {
        {"{\"body\": {\"a\" : 1.50} }", BYTES("{\"a\":1.50}")},
        {"{\"body\":12345678901234567890}", BYTES("12345678901234567890")},
        {"{\"body_text\":\"a\\nb\"}", BYTES("a\nb")},
        {"{\"body_base64\":\"YQBi\"}", BYTES("a\0b")},
        {"{\"body_base64\":\"\"}", BYTES("")},
        /* The text is the body, unless somebody changed the body beside it. */
        {"{\"body\":{\"a\":1},\"body_text\":\"{ \\\"a\\\": 1 }\"}", BYTES("{ \"a\": 1 }")},
        {"{\"body\":{\"a\":2},\"body_text\":\"{ \\\"a\\\": 1 }\"}", BYTES("{\"a\":2}")},
        {"{\"body\":{\"a\":1},\"body_text\":\"{\\\"a\\\":1.0}\"}", BYTES("{\"a\":1}")},
        {"{\"body\":1,\"body_text\":\"{\"}", BYTES("1")},
        {"{\"body_text\":\"x\",\"redelivered\":7,\"deaths\":[],\"replays\":null,\"error\":1,"
         "\"handled\":2}",
         BYTES("x")},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (CHECK(reads(rows[i].text)))
            SAME_BYTES(envelope.body.bytes, envelope.body.len, rows[i].body.bytes,
                       rows[i].body.len);
        SAME(fault, "");
        release();
    }
}

static void reads_where_a_message_was_and_came_from(void)
{
    static const struct {
        const char *text;
        const char *queue;
        const char *exchange;
        const char *routing_key;
    } rows[] = {
        {"{\"body\":1}", NULL, NULL, NULL},
        {"{\"body\":1,\"queue\":\"q\",\"exchange\":\"not this\"}", "q", NULL, NULL},
        {"{\"body\":1,\"queue\":null,\"death\":null}", NULL, NULL, NULL},
        {"{\"body\":1,\"death\":{\"exchange\":\"\",\"routing_key\":\"k\"}}", NULL, "", "k"},
        {"{\"body\":1,\"death\":{\"exchange\":\"e\"}}", NULL, NULL, NULL},
        {"{\"body\":1,\"death\":{\"routing_key\":\"k\"}}", NULL, NULL, NULL},
        {"{\"body\":1,\"queue\":{\"amqp\":\"string\",\"base64\":\"/w==\"}}", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (CHECK(reads(rows[i].text))) {
            SAME(envelope.queue, rows[i].queue);
            SAME(envelope.exchange, rows[i].exchange);
            SAME(envelope.routing_key, rows[i].routing_key);
        }
        release();
    }
}

static void reads_properties(void)
{
    static const char text[] =
        "{\"body\":1,\"headers\":{\"a\":true},\"properties\":{\"content_type\":\"a\","
        "\"cluster_id\":{\"amqp\":\"string\",\"base64\":\"/w==\"},\"delivery_mode\":1,"
        "\"priority\":255,\"timestamp\":\"18446744073709551615\",\"expiration\":\"4294967295\"}}";
    const amqp_basic_properties_t *properties = &envelope.properties;

    if (CHECK(reads(text))) {
        EQUAL(properties->_flags, AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CLUSTER_ID_FLAG |
                                      AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG |
                                      AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_EXPIRATION_FLAG |
                                      AMQP_BASIC_HEADERS_FLAG);
        SAME_BYTES(properties->content_type.bytes, properties->content_type.len, "a", 1);
        SAME_BYTES(properties->cluster_id.bytes, properties->cluster_id.len, "\xFF", 1);
        SAME_BYTES(properties->expiration.bytes, properties->expiration.len, "4294967295", 10);
        EQUAL(properties->delivery_mode, 1);
        EQUAL(properties->priority, 255);
        EQUAL(properties->timestamp, UINT64_MAX);
        EQUAL(properties->headers.num_entries, 1);
    }
    release();
}

static void refuses_what_is_no_envelope(void)
{
    static const struct {
        const char *text;
        const char *fault;
    } rows[] = {
        {"{", "the input ends within a value"},
        {"{\"body\":1,\"body\":2}", "an object has the same key twice"},
        {"[]", "the envelope is no object"},
        {"{}", "there must be one of body, body_text and body_base64"},
        {"{\"body\":1,\"body_base64\":\"\"}",
         "there must be one of body, body_text and body_base64"},
        {"{\"body_text\":\"\",\"body_base64\":\"\"}",
         "there must be one of body, body_text and body_base64"},
        {"{\"body_text\":1}", "body_text is no string"},
        {"{\"body_base64\":1}", "body_base64 is none"},
        {"{\"body_base64\":\"x\"}", "body_base64 is none"},
        {"{\"bod\\u0079\":1}", "the name of the member body is written with an escape"},
        {"{\"body\":1,\"more\\n\":1}", "no envelope has a member 'more\\x0a'"},
        {"{\"body\":1,\"death\":1}", "death is no object"},
        {"{\"body\":1,\"properties\":null}", "properties is no object"},
        {"{\"body\":1,\"properties\":{\"colour\":1}}", "there is no property 'colour'"},
        {"{\"body\":1,\"properties\":{\"type\":1}}", "type is no string of at most 255 bytes"},
        {"{\"body\":1,\"properties\":{\"priority\":256}}", "priority is no integer from 0 to 255"},
        {"{\"body\":1,\"properties\":{\"priority\":-1}}", "priority is no integer from 0 to 255"},
        {"{\"body\":1,\"properties\":{\"timestamp\":-1}}", "timestamp is no integer"},
        {"{\"body\":1,\"properties\":{\"delivery_mode\":3}}",
         "the broker takes no delivery_mode but 1 and 2"},
        {"{\"body\":1,\"properties\":{\"delivery_mode\":0}}",
         "the broker takes no delivery_mode but 1 and 2"},
        {"{\"body\":1,\"properties\":{\"expiration\":\"\"}}",
         "the broker takes no expiration but milliseconds in digits"},
        {"{\"body\":1,\"properties\":{\"expiration\":\"1s\"}}",
         "the broker takes no expiration but milliseconds in digits"},
        {"{\"body\":1,\"properties\":{\"expiration\":\"-1\"}}",
         "the broker takes no expiration but milliseconds in digits"},
        {"{\"body\":1,\"properties\":{\"expiration\":\"4294967296\"}}",
         "the broker takes no expiration but milliseconds in digits"},
        {"{\"body\":1,\"properties\":{\"expiration\":\"99999999999999999999999999\"}}",
         "the broker takes no expiration but milliseconds in digits"},
        {"{\"body\":1,\"headers\":1}", "headers: a header's value is of no kind that AMQP has"},
        {"{\"body\":1,\"headers\":{\"a\":1.5}}",
         "headers: a header's value is of no kind that AMQP has"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(!reads(rows[i].text));
        SAME(fault, rows[i].fault);
        release();
    }
}

static void refuses_names_of_more_than_255_bytes(void)
{
    static const struct {
        const char *start;
        const char *end;
        const char *fault;
    } rows[] = {
        {"{\"body\":1,\"queue\":\"", "\"}", "queue has more than 255 bytes"},
        {"{\"body\":1,\"death\":{\"exchange\":\"", "\"}}", "exchange has more than 255 bytes"},
        {"{\"body\":1,\"death\":{\"routing_key\":\"", "\"}}",
         "routing_key has more than 255 bytes"},
        {"{\"body\":1,\"properties\":{\"type\":\"", "\"}}",
         "type is no string of at most 255 bytes"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t len = 255; len <= 256; len++) {
            char text[512] = "";

            (void)strcat(text, rows[i].start);
            memset(text + strlen(text), 'n', len);
            (void)strcat(text, rows[i].end);
            EQUAL(reads(text), len == 255);
            SAME(fault, len == 255 ? "" : rows[i].fault);
            release();
        }
}

int main(void)
{
    RUN(writes_bodies_as_what_they_are);
    RUN(writes_bodies_of_48_levels_as_json);
    RUN(writes_properties);
    RUN(writes_a_death);
    RUN(reads_bodies);
    RUN(reads_where_a_message_was_and_came_from);
    RUN(reads_properties);
    RUN(refuses_what_is_no_envelope);
    RUN(refuses_names_of_more_than_255_bytes);
    return unit_end();
}
