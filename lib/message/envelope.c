#include "message/envelope.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "json/canonical.h"
#include "json/json.h"
#include "message/base64.h"
#include "message/death.h"
#include "message/field.h"
#include "message/integer.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a body that is shown as JSON: what is deeper would not leave room for the envelope within
 * JSON_MAX_DEPTH. */
#define BODY_MAX_DEPTH 48

/* The properties that are short strings, with their places. */
static const struct text_property {
    const char *name;
    amqp_flags_t flag;
    size_t offset;
} text_properties[] = {
    {"content_type", AMQP_BASIC_CONTENT_TYPE_FLAG, offsetof(amqp_basic_properties_t, content_type)},
    {"content_encoding", AMQP_BASIC_CONTENT_ENCODING_FLAG,
     offsetof(amqp_basic_properties_t, content_encoding)},
    {"correlation_id", AMQP_BASIC_CORRELATION_ID_FLAG,
     offsetof(amqp_basic_properties_t, correlation_id)},
    {"reply_to", AMQP_BASIC_REPLY_TO_FLAG, offsetof(amqp_basic_properties_t, reply_to)},
    {"expiration", AMQP_BASIC_EXPIRATION_FLAG, offsetof(amqp_basic_properties_t, expiration)},
    {"message_id", AMQP_BASIC_MESSAGE_ID_FLAG, offsetof(amqp_basic_properties_t, message_id)},
    {"type", AMQP_BASIC_TYPE_FLAG, offsetof(amqp_basic_properties_t, type)},
    {"user_id", AMQP_BASIC_USER_ID_FLAG, offsetof(amqp_basic_properties_t, user_id)},
    {"app_id", AMQP_BASIC_APP_ID_FLAG, offsetof(amqp_basic_properties_t, app_id)},
    {"cluster_id", AMQP_BASIC_CLUSTER_ID_FLAG, offsetof(amqp_basic_properties_t, cluster_id)},
};

#define TEXT_PROPERTIES (sizeof text_properties / sizeof text_properties[0])

/* ---- writing ---- */

static void add(cJSON *object, const char *name, cJSON *value)
{
    if (value == NULL || !cJSON_AddItemToObject(object, name, value))
        die_no_memory();
}

static cJSON *time_node(int64_t seconds)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000, text);
    return cJSON_CreateString(text);
}

static amqp_bytes_t text_of(const amqp_basic_properties_t *properties,
                            const struct text_property *property)
{
    amqp_bytes_t text;

    memcpy(&text, (const char *)properties + property->offset, sizeof text);
    return text;
}

static cJSON *properties_node(const amqp_basic_properties_t *properties)
{
    cJSON *object = cJSON_CreateObject();

    json_need(object);
    for (size_t i = 0; i < TEXT_PROPERTIES; i++)
        if ((properties->_flags & text_properties[i].flag) != 0)
            add(object, text_properties[i].name,
                field_text_to_json(text_of(properties, &text_properties[i])));
    if ((properties->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0)
        add(object, "delivery_mode", integer_to_json(properties->delivery_mode));
    if ((properties->_flags & AMQP_BASIC_PRIORITY_FLAG) != 0)
        add(object, "priority", integer_to_json(properties->priority));
    if ((properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0)
        add(object, "timestamp", integer_unsigned_to_json(properties->timestamp));
    return object;
}

static cJSON *headers_node(const amqp_basic_properties_t *properties)
{
    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) == 0)
        return cJSON_CreateNull();
    return field_table_to_json(&properties->headers);
}

static cJSON *death_node(const amqp_basic_properties_t *properties)
{
    struct death death;
    cJSON *object;

    if (!death_read(properties, &death))
        return cJSON_CreateNull();
    object = cJSON_CreateObject();
    json_need(object);
    add(object, "queue", field_text_to_json(death.queue));
    add(object, "reason", field_text_to_json(death.reason));
    add(object, "exchange", field_text_to_json(death.exchange));
    add(object, "routing_key", field_text_to_json(death.routing_key));
    add(object, "count", integer_to_json(death.count));
    if (death.time > 0)
        add(object, "time", time_node(death.time));
    return object;
}

static unsigned depth_of(const cJSON *tree)
{
    unsigned deepest = 0;

    for (const cJSON *child = tree->child; child != NULL; child = child->next) {
        unsigned depth = depth_of(child) + 1;

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* Can the body be shown as JSON, which all who read it read alike? */
static bool is_shown_as_json(amqp_bytes_t body)
{
    const char *reason;
    cJSON *tree = json_parse(body.bytes, body.len, &reason);
    bool fits = tree != NULL && depth_of(tree) <= BODY_MAX_DEPTH;

    cJSON_Delete(tree);
    return fits;
}

/* The text itself, not a tree: numbers stay as they were written. To be freed. */
static char *shown_json(amqp_bytes_t body, size_t *len)
{
    char *compact = xcalloc(body.len + 1, 1);
    char *shown;

    memcpy(compact, body.bytes, body.len);
    shown = json_shown(compact, json_compact(compact, body.len), len);
    free(compact);
    return shown;
}

static void add_body(cJSON *envelope, amqp_bytes_t body)
{
    size_t shown_len = 0;
    char *text = is_shown_as_json(body) ? shown_json(body, &shown_len) : NULL;

    if (text != NULL) {
        bool is_itself = shown_len == body.len && memcmp(text, body.bytes, body.len) == 0;

        add(envelope, "body", cJSON_CreateRaw(text));
        free(text);
        if (is_itself)
            return;
    }
    if (text_is_utf8(body.bytes, body.len)) {
        add(envelope, "body_text", field_text_to_json(body));
        return;
    }
    text = base64_encode(body);
    add(envelope, "body_base64", cJSON_CreateString(text));
    free(text);
}

cJSON *envelope_new(const struct delivery *delivery, const amqp_basic_properties_t *properties,
                    const char *queue)
{
    static const amqp_basic_properties_t none;
    cJSON *envelope = cJSON_CreateObject();
    bool is_readable = properties != NULL;

    json_need(envelope);
    if (!is_readable)
        properties = &none;
    add(envelope, "queue", field_text_to_json(amqp_cstring_bytes(queue)));
    add(envelope, "exchange", field_text_to_json(delivery->exchange));
    add(envelope, "routing_key", field_text_to_json(delivery->routing_key));
    add(envelope, "redelivered", cJSON_CreateBool(delivery->redelivered));
    add(envelope, "death", death_node(properties));
    add(envelope, "deaths", integer_to_json(death_count(properties)));
    add(envelope, "replays", integer_to_json(replay_count(properties)));
    add(envelope, "properties", is_readable ? properties_node(properties) : cJSON_CreateNull());
    add(envelope, "headers", headers_node(properties));
    add_body(envelope, delivery->body);
    return envelope;
}

/* ---- reading ---- */

struct reader {
    struct envelope *envelope;
    amqp_pool_t *pool;
    const char *text;
    size_t len;
    char *fault;
};

static bool fail(const struct reader *reader, const char *what, const char *name)
{
    (void)snprintf(reader->fault, ENVELOPE_FAULT_SIZE, what,
                   printable_up_to(64, name, strlen(name)));
    return false;
}

/* A name of a queue, exchange or key, if there is one. */
static bool read_name(const struct reader *reader, const cJSON *object, const char *name,
                      const char **text)
{
    const cJSON *member = json_member(object, name);

    *text = cJSON_GetStringValue(member);
    if (*text != NULL && strlen(*text) > 255)
        return fail(reader, "%s has more than 255 bytes", name);
    /* One that is no UTF-8 can be shown, but is nowhere to send to. */
    return true;
}

static bool read_death(const struct reader *reader, const cJSON *death)
{
    struct envelope *envelope = reader->envelope;

    if (death == NULL || cJSON_IsNull(death))
        return true;
    if (!cJSON_IsObject(death))
        return fail(reader, "%s is no object", "death");
    if (!read_name(reader, death, "exchange", &envelope->exchange) ||
        !read_name(reader, death, "routing_key", &envelope->routing_key))
        return false;
    if (envelope->exchange == NULL || envelope->routing_key == NULL)
        envelope->exchange = envelope->routing_key = NULL;
    return true;
}

static bool read_octet(const struct reader *reader, const cJSON *member, amqp_flags_t flag,
                       uint8_t *octet)
{
    uint64_t integer;

    if (!integer_from_json(member, 0, UINT8_MAX, &integer))
        return fail(reader, "%s is no integer from 0 to 255", member->string);
    *octet = (uint8_t)integer;
    reader->envelope->properties._flags |= flag;
    return true;
}

static bool read_text_property(const struct reader *reader, const cJSON *member,
                               const struct text_property *property)
{
    amqp_basic_properties_t *properties = &reader->envelope->properties;
    amqp_bytes_t text;

    if (!field_text_from_json(member, reader->pool, &text) || text.len > 255)
        return fail(reader, "%s is no string of at most 255 bytes", property->name);
    memcpy((char *)properties + property->offset, &text, sizeof text);
    properties->_flags |= property->flag;
    return true;
}

static bool read_property(const struct reader *reader, const cJSON *member)
{
    amqp_basic_properties_t *properties = &reader->envelope->properties;

    for (size_t i = 0; i < TEXT_PROPERTIES; i++)
        if (strcmp(member->string, text_properties[i].name) == 0)
            return read_text_property(reader, member, &text_properties[i]);
    if (strcmp(member->string, "delivery_mode") == 0)
        return read_octet(reader, member, AMQP_BASIC_DELIVERY_MODE_FLAG,
                          &properties->delivery_mode);
    if (strcmp(member->string, "priority") == 0)
        return read_octet(reader, member, AMQP_BASIC_PRIORITY_FLAG, &properties->priority);
    if (strcmp(member->string, "timestamp") != 0)
        return fail(reader, "there is no property '%s'", member->string);
    properties->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    return integer_from_json(member, 0, UINT64_MAX, &properties->timestamp) ||
           fail(reader, "%s is no integer", member->string);
}

/* For the rest, RabbitMQ closes the channel, with all that is on it. */
static bool broker_takes(const struct reader *reader)
{
    const amqp_basic_properties_t *properties = &reader->envelope->properties;
    const char *expiration = properties->expiration.bytes;
    uint64_t ms = 0;

    if ((properties->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0 &&
        properties->delivery_mode != 1 && properties->delivery_mode != 2)
        return fail(reader, "the broker takes no %s but 1 and 2", "delivery_mode");
    if ((properties->_flags & AMQP_BASIC_EXPIRATION_FLAG) == 0)
        return true;
    for (size_t i = 0; i < properties->expiration.len && ms <= UINT32_MAX; i++)
        ms = expiration[i] >= '0' && expiration[i] <= '9'
                 ? ms * 10 + (uint64_t)(expiration[i] - '0')
                 : UINT64_MAX;
    return (properties->expiration.len > 0 && ms <= UINT32_MAX) ||
           fail(reader, "the broker takes no %s but milliseconds in digits", "expiration");
}

static bool read_properties(const struct reader *reader, const cJSON *properties)
{
    if (properties == NULL)
        return true;
    if (!cJSON_IsObject(properties))
        return fail(reader, "%s is no object", "properties");
    for (const cJSON *member = properties->child; member != NULL; member = member->next)
        if (!read_property(reader, member))
            return false;
    return broker_takes(reader);
}

static bool read_headers(const struct reader *reader, const cJSON *headers)
{
    amqp_basic_properties_t *properties = &reader->envelope->properties;
    const char *fault;

    if (headers == NULL || cJSON_IsNull(headers))
        return true;
    properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
    return field_table_from_json(headers, reader->pool, &properties->headers, &fault) ||
           fail(reader, "headers: %s", fault);
}

/* Who writes 1 for 1.0 has changed it. */
static bool same_json(const char *a, size_t a_len, const char *b, size_t b_len)
{
    char *left = json_canonical(a, a_len, NULL, JSON_NUMBERS_AS_WRITTEN);
    char *right = json_canonical(b, b_len, NULL, JSON_NUMBERS_AS_WRITTEN);
    bool same = left != NULL && right != NULL && strcmp(left, right) == 0;

    cJSON_free(left);
    cJSON_free(right);
    return same;
}

/* The body as it stands in the line, but for white space: a tree would round its numbers. */
static bool read_json_body(const struct reader *reader, const char *text)
{
    amqp_bytes_t *body = &reader->envelope->body;
    size_t len;
    const char *raw = json_member_raw(reader->text, reader->len, "body", &len);

    if (raw == NULL)
        return fail(reader, "the name of the member %s is written with an escape", "body");
    if (text != NULL && same_json(raw, len, text, strlen(text))) {
        *body = amqp_cstring_bytes(text);
        return true;
    }
    amqp_pool_alloc_bytes(reader->pool, len + 1, body);
    if (body->bytes == NULL)
        die_no_memory();
    memcpy(body->bytes, raw, len);
    body->len = json_compact(body->bytes, len);
    return true;
}

static bool read_body(const struct reader *reader, const cJSON *tree)
{
    const cJSON *text = json_member(tree, "body_text");
    const cJSON *base64 = json_member(tree, "body_base64");
    bool has_json = json_member(tree, "body") != NULL;

    if (base64 != NULL ? has_json || text != NULL : !has_json && text == NULL)
        return fail(reader, "there must be one of body, body_text and %s", "body_base64");
    if (text != NULL && !cJSON_IsString(text))
        return fail(reader, "%s is no string", "body_text");
    if (has_json)
        return read_json_body(reader, cJSON_GetStringValue(text));
    if (text != NULL) {
        reader->envelope->body = amqp_cstring_bytes(text->valuestring);
        return true;
    }
    return (cJSON_IsString(base64) &&
            base64_decode(base64->valuestring, reader->pool, &reader->envelope->body)) ||
           fail(reader, "%s is none", "body_base64");
}

static bool names_are_known(const struct reader *reader, const cJSON *tree)
{
    static const char *const names[] = {
        "queue",      "exchange", "routing_key", "redelivered", "death",       "deaths", "replays",
        "properties", "headers",  "body",        "body_text",   "body_base64", "error",  "handled"};

    for (const cJSON *member = tree->child; member != NULL; member = member->next) {
        size_t i = 0;

        while (i < sizeof names / sizeof names[0] && strcmp(member->string, names[i]) != 0)
            i++;
        if (i == sizeof names / sizeof names[0])
            return fail(reader, "no envelope has a member '%s'", member->string);
    }
    return true;
}

static bool read_members(const struct reader *reader, const cJSON *tree)
{
    return names_are_known(reader, tree) &&
           read_name(reader, tree, "queue", &reader->envelope->queue) &&
           read_death(reader, json_member(tree, "death")) &&
           read_properties(reader, json_member(tree, "properties")) &&
           read_headers(reader, json_member(tree, "headers")) && read_body(reader, tree);
}

bool envelope_read(struct envelope *envelope, const char *text, size_t len, amqp_pool_t *pool,
                   char fault[ENVELOPE_FAULT_SIZE])
{
    const struct reader reader = {
        .envelope = envelope, .pool = pool, .text = text, .len = len, .fault = fault};
    const char *reason;

    memset(envelope, 0, sizeof *envelope);
    envelope->tree = json_parse(text, len, &reason);
    if (envelope->tree == NULL)
        return fail(&reader, "%s", reason);
    if (!cJSON_IsObject(envelope->tree))
        (void)fail(&reader, "%s is no object", "the envelope");
    else if (read_members(&reader, envelope->tree))
        return true;
    envelope_free(envelope);
    return false;
}

void envelope_free(struct envelope *envelope)
{
    cJSON_Delete(envelope->tree);
    envelope->tree = NULL;
}
