#include "envelope.h"

#include "clock.h"
#include "dead_letter.h"
#include "json.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables and lists within each other, that readers of JSON can be expected to follow. */
#define MAX_DEPTH 32

/* RFC 4648, section 4. To be freed. */
static char *base64(amqp_bytes_t bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = bytes.bytes;
    char *text = need_calloc((bytes.len + 2) / 3 * 4 + 1, 1);
    char *out = text;

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        unsigned group =
            (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);

        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
    return text;
}

/* UTF-8 as a string, anything else as an object with its base64. */
static cJSON *text_node(amqp_bytes_t bytes)
{
    cJSON *node;
    char *text;

    if (text_is_utf8(bytes.bytes, bytes.len)) {
        text = need_calloc(bytes.len + 1, 1);
        if (bytes.len > 0)
            memcpy(text, bytes.bytes, bytes.len);
        node = cJSON_CreateString(text);
    } else {
        text = base64(bytes);
        node = cJSON_CreateObject();
        json_need(node);
        json_need(cJSON_AddStringToObject(node, "base64", text));
    }
    json_need(node);
    free(text);
    return node;
}

static cJSON *integer_node(int64_t integer)
{
    char text[32];
    cJSON *node;

    /* As text: cJSON's numbers are doubles. */
    (void)snprintf(text, sizeof text, "%" PRId64, integer);
    node = cJSON_CreateRaw(text);
    json_need(node);
    return node;
}

static cJSON *time_node(int64_t seconds)
{
    char text[CLOCK_TEXT_SIZE];
    cJSON *node;

    clock_rfc3339(seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000, text);
    node = cJSON_CreateString(text);
    json_need(node);
    return node;
}

/* Takes value over. A name from outside that is no UTF-8 is shown, escaped: JSON has no way to say it. */
static void add(cJSON *object, amqp_bytes_t name, cJSON *value)
{
    char *text;

    if (!text_is_utf8(name.bytes, name.len)) {
        if (!cJSON_AddItemToObject(object, printable(name.bytes, name.len), value))
            die_no_memory();
        return;
    }
    text = need_calloc(name.len + 1, 1);
    if (name.len > 0)
        memcpy(text, name.bytes, name.len);
    if (!cJSON_AddItemToObject(object, text, value))
        die_no_memory();
    free(text);
}

static void add_named(cJSON *object, const char *name, cJSON *value)
{
    add(object, amqp_cstring_bytes(name), value);
}

static cJSON *table_node(const amqp_table_t *table, unsigned depth);
static cJSON *array_node(const amqp_array_t *array, unsigned depth);

static cJSON *value_node(const amqp_field_value_t *value, unsigned depth)
{
    cJSON *node = NULL;
    int64_t integer;

    switch (value->kind) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
        return text_node(value->value.bytes);
    case AMQP_FIELD_KIND_TABLE:
        return table_node(&value->value.table, depth + 1);
    case AMQP_FIELD_KIND_ARRAY:
        return array_node(&value->value.array, depth + 1);
    case AMQP_FIELD_KIND_TIMESTAMP:
        return time_node(value->value.u64 > INT64_MAX / 1000 ? INT64_MAX / 1000 : (int64_t)value->value.u64);
    case AMQP_FIELD_KIND_BOOLEAN:
        node = cJSON_CreateBool(value->value.boolean != 0);
        break;
    case AMQP_FIELD_KIND_F32:
        node = cJSON_CreateNumber((double)value->value.f32);
        break;
    case AMQP_FIELD_KIND_F64:
        node = cJSON_CreateNumber(value->value.f64);
        break;
    default:
        if (header_integer(value, &integer))
            return integer_node(integer);
        node = cJSON_CreateNull();
        break;
    }
    json_need(node);
    return node;
}

static cJSON *too_deep_node(void)
{
    cJSON *node = cJSON_CreateString("(nested too deeply to be shown)");

    json_need(node);
    return node;
}

static cJSON *table_node(const amqp_table_t *table, unsigned depth)
{
    cJSON *object;

    if (depth > MAX_DEPTH)
        return too_deep_node();
    object = cJSON_CreateObject();
    json_need(object);
    for (int i = 0; i < table->num_entries; i++)
        add(object, table->entries[i].key, value_node(&table->entries[i].value, depth));
    return object;
}

static cJSON *array_node(const amqp_array_t *array, unsigned depth)
{
    cJSON *list;

    if (depth > MAX_DEPTH)
        return too_deep_node();
    list = cJSON_CreateArray();
    json_need(list);
    for (int i = 0; i < array->num_entries; i++)
        if (!cJSON_AddItemToArray(list, value_node(&array->entries[i], depth)))
            die_no_memory();
    return list;
}

static cJSON *properties_node(const amqp_basic_properties_t *properties)
{
    const struct {
        amqp_flags_t flag;
        const char *name;
        amqp_bytes_t text;
    } texts[] = {
        {AMQP_BASIC_CONTENT_TYPE_FLAG, "content_type", properties->content_type},
        {AMQP_BASIC_CONTENT_ENCODING_FLAG, "content_encoding", properties->content_encoding},
        {AMQP_BASIC_CORRELATION_ID_FLAG, "correlation_id", properties->correlation_id},
        {AMQP_BASIC_REPLY_TO_FLAG, "reply_to", properties->reply_to},
        {AMQP_BASIC_EXPIRATION_FLAG, "expiration", properties->expiration},
        {AMQP_BASIC_MESSAGE_ID_FLAG, "message_id", properties->message_id},
        {AMQP_BASIC_TYPE_FLAG, "type", properties->type},
        {AMQP_BASIC_USER_ID_FLAG, "user_id", properties->user_id},
        {AMQP_BASIC_APP_ID_FLAG, "app_id", properties->app_id},
        {AMQP_BASIC_CLUSTER_ID_FLAG, "cluster_id", properties->cluster_id},
    };
    cJSON *object = cJSON_CreateObject();

    json_need(object);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if ((properties->_flags & texts[i].flag) != 0)
            add_named(object, texts[i].name, text_node(texts[i].text));
    if ((properties->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0)
        add_named(object, "delivery_mode", integer_node(properties->delivery_mode));
    if ((properties->_flags & AMQP_BASIC_PRIORITY_FLAG) != 0)
        add_named(object, "priority", integer_node(properties->priority));
    if ((properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0)
        add_named(
            object, "timestamp",
            integer_node(properties->timestamp > INT64_MAX ? INT64_MAX : (int64_t)properties->timestamp));
    return object;
}

static cJSON *death_node(const amqp_basic_properties_t *properties)
{
    struct death death;
    cJSON *object;

    if (!death_read(properties, &death)) {
        object = cJSON_CreateNull();
        json_need(object);
        return object;
    }
    object = cJSON_CreateObject();
    json_need(object);
    add_named(object, "queue", text_node(death.queue));
    add_named(object, "reason", text_node(death.reason));
    add_named(object, "exchange", text_node(death.exchange));
    add_named(object, "routing_key", text_node(death.routing_key));
    add_named(object, "count", integer_node(death.count));
    if (death.time > 0)
        add_named(object, "time", time_node(death.time));
    return object;
}

static void add_body(cJSON *envelope, amqp_bytes_t body)
{
    const char *reason;
    cJSON *tree = json_parse(body.bytes, body.len, &reason);
    cJSON *node;
    char *text;

    if (tree == NULL) {
        if (text_is_utf8(body.bytes, body.len)) {
            add_named(envelope, "body_text", text_node(body));
            return;
        }
        text = base64(body);
        node = cJSON_CreateString(text);
        json_need(node);
        add_named(envelope, "body_base64", node);
        free(text);
        return;
    }
    cJSON_Delete(tree);
    /* The text itself, not the tree: numbers stay as they were written. */
    text = need_calloc(body.len + 1, 1);
    memcpy(text, body.bytes, body.len);
    text[json_compact(text, body.len)] = '\0';
    node = cJSON_CreateRaw(text);
    json_need(node);
    add_named(envelope, "body", node);
    free(text);
}

cJSON *envelope_new(const struct delivery *delivery, const amqp_basic_properties_t *properties,
                    const char *queue)
{
    static const amqp_basic_properties_t none;
    cJSON *envelope = cJSON_CreateObject();
    cJSON *redelivered = cJSON_CreateBool(delivery->redelivered);

    json_need(envelope);
    json_need(redelivered);
    if (properties == NULL)
        properties = &none;
    add_named(envelope, "queue", text_node(amqp_cstring_bytes(queue)));
    add_named(envelope, "exchange", text_node(delivery->exchange));
    add_named(envelope, "routing_key", text_node(delivery->routing_key));
    add_named(envelope, "redelivered", redelivered);
    add_named(envelope, "death", death_node(properties));
    add_named(envelope, "properties", properties_node(properties));
    add_named(envelope, "headers", table_node(&properties->headers, 1));
    add_body(envelope, delivery->body);
    return envelope;
}
