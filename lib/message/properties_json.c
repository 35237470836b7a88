#include "message/properties_json.h"

#include "json/json.h"
#include "message/field.h"
#include "message/integer.h"

#include <stddef.h>
#include <string.h>

/* The properties that are short strings. */
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

/* ---- to JSON ---- */

cJSON *properties_to_json(const amqp_basic_properties_t *properties)
{
    cJSON *object = json_need(cJSON_CreateObject());

    for (size_t i = 0; i < TEXT_PROPERTIES; i++) {
        const void *text = (const char *)properties + text_properties[i].offset;

        if ((properties->_flags & text_properties[i].flag) != 0)
            json_add(object, text_properties[i].name,
                     field_text_to_json(*(const amqp_bytes_t *)text));
    }
    if ((properties->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0)
        json_add(object, "delivery_mode", integer_to_json(properties->delivery_mode));
    if ((properties->_flags & AMQP_BASIC_PRIORITY_FLAG) != 0)
        json_add(object, "priority", integer_to_json(properties->priority));
    if ((properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0)
        json_add(object, "timestamp", integer_unsigned_to_json(properties->timestamp));
    return object;
}

/* ---- from JSON ---- */

struct reader {
    amqp_basic_properties_t *properties;
    amqp_pool_t *pool;
    char *fault;
};

static bool read_octet(const struct reader *reader, const cJSON *member, amqp_flags_t flag,
                       uint8_t *octet)
{
    uint64_t integer;

    if (!integer_from_json(member, 0, UINT8_MAX, &integer))
        return fault_say(reader->fault, "%s is no integer from 0 to 255", member->string);
    *octet = (uint8_t)integer;
    reader->properties->_flags |= flag;
    return true;
}

static bool read_text_property(const struct reader *reader, const cJSON *member,
                               const struct text_property *property)
{
    amqp_basic_properties_t *properties = reader->properties;
    amqp_bytes_t text;

    if (!field_text_from_json(member, reader->pool, &text) || text.len > 255)
        return fault_say(reader->fault, "%s is no string of at most 255 bytes", property->name);
    memcpy((char *)properties + property->offset, &text, sizeof text);
    properties->_flags |= property->flag;
    return true;
}

static bool read_property(const struct reader *reader, const cJSON *member)
{
    amqp_basic_properties_t *properties = reader->properties;

    for (size_t i = 0; i < TEXT_PROPERTIES; i++)
        if (strcmp(member->string, text_properties[i].name) == 0)
            return read_text_property(reader, member, &text_properties[i]);
    if (strcmp(member->string, "delivery_mode") == 0)
        return read_octet(reader, member, AMQP_BASIC_DELIVERY_MODE_FLAG,
                          &properties->delivery_mode);
    if (strcmp(member->string, "priority") == 0)
        return read_octet(reader, member, AMQP_BASIC_PRIORITY_FLAG, &properties->priority);
    if (strcmp(member->string, "timestamp") != 0)
        return fault_say(reader->fault, "there is no property '%s'", member->string);
    properties->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    return integer_from_json(member, 0, UINT64_MAX, &properties->timestamp) ||
           fault_say(reader->fault, "%s is no integer", member->string);
}

/* RabbitMQ would answer other values by closing the channel. */
static bool broker_takes(const struct reader *reader)
{
    const amqp_basic_properties_t *properties = reader->properties;
    const char *expiration = properties->expiration.bytes;
    uint64_t ms = 0;

    if ((properties->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0 &&
        properties->delivery_mode != 1 && properties->delivery_mode != 2)
        return fault_say(reader->fault, "the broker takes no %s but 1 and 2", "delivery_mode");
    if ((properties->_flags & AMQP_BASIC_EXPIRATION_FLAG) == 0)
        return true;
    for (size_t i = 0; i < properties->expiration.len && ms <= UINT32_MAX; i++)
        ms = expiration[i] >= '0' && expiration[i] <= '9'
                 ? ms * 10 + (uint64_t)(expiration[i] - '0')
                 : UINT64_MAX;
    return (properties->expiration.len > 0 && ms <= UINT32_MAX) ||
           fault_say(reader->fault, "the broker takes no %s but milliseconds in digits",
                     "expiration");
}

bool properties_from_json(const cJSON *json, amqp_pool_t *pool, amqp_basic_properties_t *properties,
                          char fault[FAULT_SIZE])
{
    const struct reader reader = {.properties = properties, .pool = pool, .fault = fault};

    if (!cJSON_IsObject(json))
        return fault_say(fault, "%s is no object", "properties");
    for (const cJSON *member = json->child; member != NULL; member = member->next)
        if (!read_property(&reader, member))
            return false;
    return broker_takes(&reader);
}
