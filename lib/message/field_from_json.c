#include "base/memory.h"
#include "json/json.h"
#include "message/base64.h"
#include "message/field.h"
#include "message/integer.h"

#include <math.h>
#include <string.h>

static void *pool_array(amqp_pool_t *pool, size_t count, size_t size)
{
    void *memory = amqp_pool_alloc(pool, (count + 1) * size);

    if (memory == NULL)
        die_no_memory();
    return memory;
}

/* Returns the member of that name; NULL if there is none, or object has more or fewer members. */
static const cJSON *only_member(const cJSON *object, const char *name, int members)
{
    return cJSON_GetArraySize(object) == members ? json_member(object, name) : NULL;
}

static bool base64_member(const cJSON *object, amqp_pool_t *pool, amqp_bytes_t *bytes)
{
    const char *text = cJSON_GetStringValue(only_member(object, "base64", 2));

    return text != NULL && base64_decode(text, pool, bytes);
}

static const char *tag_of(const cJSON *json)
{
    return cJSON_IsObject(json) ? json_member_text(json, FIELD_TAG) : NULL;
}

bool field_text_from_json(const cJSON *json, amqp_pool_t *pool, amqp_bytes_t *text)
{
    const char *string = cJSON_GetStringValue(json);
    const char *tag = tag_of(json);

    if (string != NULL)
        *text = amqp_cstring_bytes(string);
    return string != NULL ||
           (tag != NULL && strcmp(tag, "string") == 0 && base64_member(json, pool, text));
}

static bool read_value(const cJSON *json, amqp_pool_t *pool, amqp_field_value_t *value,
                       const char **fault);

static bool read_array(const cJSON *json, amqp_pool_t *pool, amqp_array_t *array,
                       const char **fault)
{
    int count = cJSON_GetArraySize(json);
    const cJSON *item = json->child;

    array->num_entries = count;
    array->entries = pool_array(pool, (size_t)count, sizeof *array->entries);
    for (int i = 0; i < count; i++, item = item->next)
        if (!read_value(item, pool, &array->entries[i], fault))
            return false;
    return true;
}

static bool read_name(amqp_bytes_t name, const char **fault)
{
    if (name.len > 255)
        *fault = "a header's name has more than 255 bytes";
    return name.len <= 255;
}

static bool read_members(const cJSON *json, amqp_pool_t *pool, amqp_table_t *table,
                         const char **fault)
{
    int count = cJSON_GetArraySize(json);
    const cJSON *item = json->child;

    table->num_entries = count;
    table->entries = pool_array(pool, (size_t)count, sizeof *table->entries);
    for (int i = 0; i < count; i++, item = item->next) {
        table->entries[i].key = amqp_cstring_bytes(item->string);
        if (!read_name(table->entries[i].key, fault) ||
            !read_value(item, pool, &table->entries[i].value, fault))
            return false;
    }
    return true;
}

static bool read_entries(const cJSON *json, amqp_pool_t *pool, amqp_table_t *table,
                         const char **fault)
{
    int count = cJSON_GetArraySize(json);
    const cJSON *pair = json->child;

    table->num_entries = count;
    table->entries = pool_array(pool, (size_t)count, sizeof *table->entries);
    for (int i = 0; i < count; i++, pair = pair->next) {
        if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 ||
            !field_text_from_json(pair->child, pool, &table->entries[i].key))
            return false;
        if (!read_name(table->entries[i].key, fault) ||
            !read_value(pair->child->next, pool, &table->entries[i].value, fault))
            return false;
    }
    return true;
}

static bool read_table(const cJSON *json, amqp_pool_t *pool, amqp_table_t *table,
                       const char **fault)
{
    const char *tag = tag_of(json);
    const cJSON *content;

    if (json_member(json, FIELD_TAG) == NULL)
        return read_members(json, pool, table, fault);
    if (tag == NULL || strcmp(tag, "table") != 0)
        return false;
    content = only_member(json, "entries", 2);
    if (cJSON_IsArray(content))
        return read_entries(content, pool, table, fault);
    content = only_member(json, "value", 2);
    return cJSON_IsObject(content) && read_members(content, pool, table, fault);
}

static bool all_finite(const amqp_field_value_t *value)
{
    bool finite = true;

    if (value->kind == AMQP_FIELD_KIND_F32)
        return isfinite(value->value.f32);
    if (value->kind == AMQP_FIELD_KIND_F64)
        return isfinite(value->value.f64);
    if (value->kind == AMQP_FIELD_KIND_TABLE)
        for (int i = 0; i < value->value.table.num_entries && finite; i++)
            finite = all_finite(&value->value.table.entries[i].value);
    if (value->kind == AMQP_FIELD_KIND_ARRAY)
        for (int i = 0; i < value->value.array.num_entries && finite; i++)
            finite = all_finite(&value->value.array.entries[i]);
    return finite;
}

static bool read_encoded(const cJSON *json, amqp_pool_t *pool, amqp_field_value_t *value,
                         const char **fault)
{
    amqp_bytes_t bytes;
    amqp_table_t *table;
    size_t used = 0;

    /* amqp_decode_table() recurses for each level: a longer one could be too deep for the stack. */
    if (!base64_member(json, pool, &bytes) || bytes.len > FIELD_ENCODED_MAX)
        return false;
    table = pool_array(pool, 1, sizeof *table);
    if (amqp_decode_table(bytes, pool, table, &used) != AMQP_STATUS_OK || used != bytes.len ||
        table->num_entries != 1)
        return false;
    *value = table->entries[0].value;
    /* RabbitMQ would close the connection. */
    if (!all_finite(value))
        *fault = "the broker takes no float that is not finite";
    return all_finite(value);
}

static bool read_float(const cJSON *json, const char *tag, amqp_field_value_t *value)
{
    const cJSON *number = only_member(json, "value", 2);

    if (!cJSON_IsNumber(number) || !isfinite(number->valuedouble))
        return false;
    if (strcmp(tag, "float64") == 0) {
        value->kind = AMQP_FIELD_KIND_F64;
        value->value.f64 = number->valuedouble;
        return true;
    }
    value->kind = AMQP_FIELD_KIND_F32;
    value->value.f32 = (float)number->valuedouble;
    return isfinite(value->value.f32);
}

static bool read_decimal(const cJSON *json, amqp_field_value_t *value)
{
    uint64_t scale;
    uint64_t number;

    if (!integer_from_json(only_member(json, "scale", 3), 0, UINT8_MAX, &scale) ||
        !integer_from_json(only_member(json, "value", 3), 0, UINT32_MAX, &number))
        return false;
    value->kind = AMQP_FIELD_KIND_DECIMAL;
    value->value.decimal = (amqp_decimal_t){.decimals = (uint8_t)scale, .value = (uint32_t)number};
    return true;
}

static bool read_tagged(const cJSON *json, const char *tag, amqp_pool_t *pool,
                        amqp_field_value_t *value, const char **fault)
{
    const struct integer_kind *integer = integer_kind_named(tag);

    if (integer != NULL)
        return integer_value_from_json(only_member(json, "value", 2), integer, value);
    if (strcmp(tag, "float32") == 0 || strcmp(tag, "float64") == 0)
        return read_float(json, tag, value);
    if (strcmp(tag, "decimal") == 0)
        return read_decimal(json, value);
    if (strcmp(tag, "encoded") == 0)
        return read_encoded(json, pool, value, fault);
    value->kind = strcmp(tag, "bytes") == 0 ? AMQP_FIELD_KIND_BYTES : AMQP_FIELD_KIND_UTF8;
    return (strcmp(tag, "bytes") == 0 || strcmp(tag, "string") == 0) &&
           base64_member(json, pool, &value->value.bytes);
}

static bool read_object(const cJSON *json, amqp_pool_t *pool, amqp_field_value_t *value,
                        const char **fault)
{
    const char *tag = tag_of(json);

    if (tag != NULL && strcmp(tag, "table") != 0)
        return read_tagged(json, tag, pool, value, fault);
    value->kind = AMQP_FIELD_KIND_TABLE;
    return read_table(json, pool, &value->value.table, fault);
}

static bool read_value(const cJSON *json, amqp_pool_t *pool, amqp_field_value_t *value,
                       const char **fault)
{
    if (cJSON_IsObject(json))
        return read_object(json, pool, value, fault);
    if (cJSON_IsArray(json)) {
        value->kind = AMQP_FIELD_KIND_ARRAY;
        return read_array(json, pool, &value->value.array, fault);
    }
    if (cJSON_IsNumber(json))
        return integer_value_from_json(json, integer_kind_of(AMQP_FIELD_KIND_I64), value);
    value->kind = AMQP_FIELD_KIND_VOID;
    if (cJSON_IsBool(json)) {
        value->kind = AMQP_FIELD_KIND_BOOLEAN;
        value->value.boolean = cJSON_IsTrue(json);
    } else if (cJSON_IsString(json)) {
        value->kind = AMQP_FIELD_KIND_UTF8;
        value->value.bytes = amqp_cstring_bytes(json->valuestring);
    }
    return true;
}

bool field_table_from_json(const cJSON *json, amqp_pool_t *pool, amqp_table_t *table,
                           const char **fault)
{
    *fault = "a header's value is of no kind that AMQP has";
    return cJSON_IsObject(json) && read_table(json, pool, table, fault);
}
