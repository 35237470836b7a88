#include "message/field.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "json/json.h"
#include "message/base64.h"
#include "message/integer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables and arrays within each other: what is deeper stands encoded, so that JSON_MAX_DEPTH always
 * suffices. */
#define MAX_DEPTH 16

/* Of a value in its encoded form: the headers of a message fit into a frame of 128 KiB, names and
 * all. */
#define ENCODED_MAX ((size_t)256 << 10)

#define TAG "amqp"

/* ---- to JSON ---- */

static cJSON *table_node(const amqp_table_t *table, unsigned depth);

static void add(cJSON *object, const char *name, cJSON *value)
{
    if (!cJSON_AddItemToObject(object, name, value))
        die_no_memory();
}

static cJSON *tagged(const char *kind)
{
    cJSON *object = cJSON_CreateObject();

    json_need(object);
    json_need(cJSON_AddStringToObject(object, TAG, kind));
    return object;
}

static cJSON *base64_node(const char *kind, amqp_bytes_t bytes)
{
    cJSON *object = tagged(kind);
    char *text = base64_encode(bytes);

    json_need(cJSON_AddStringToObject(object, "base64", text));
    free(text);
    return object;
}

cJSON *field_text_to_json(amqp_bytes_t bytes)
{
    char *text;
    cJSON *node;

    if (!text_is_utf8(bytes.bytes, bytes.len))
        return base64_node("string", bytes);
    text = xcalloc(bytes.len + 1, 1);
    if (bytes.len > 0)
        memcpy(text, bytes.bytes, bytes.len);
    node = cJSON_CreateString(text);
    json_need(node);
    free(text);
    return node;
}

/* Any value, as a table of one entry without a name. */
static cJSON *encoded_node(const amqp_field_value_t *value)
{
    amqp_table_entry_t entry = {.key = amqp_empty_bytes, .value = *value};
    amqp_table_t table = {.num_entries = 1, .entries = &entry};
    amqp_bytes_t space = {.len = 4096};
    size_t used = 0;
    cJSON *node;
    int status;

    /* Too little space has more than one status, depending on what did not fit. */
    do {
        space.len *= 2;
        space.bytes = xrealloc(space.bytes, space.len);
        used = 0;
        status = amqp_encode_table(space, &table, &used);
    } while (status != AMQP_STATUS_OK && space.len < ENCODED_MAX);
    if (status != AMQP_STATUS_OK)
        die(EXIT_BUG, "a header that cannot be encoded: %s", amqp_error_string2(status));
    space.len = used;
    node = base64_node("encoded", space);
    free(space.bytes);
    return node;
}

/* With as many digits as it takes to read the same number again: 9 for a float, 17 for a double. */
static cJSON *float_node(const char *kind, double number, const amqp_field_value_t *value)
{
    char text[64];
    cJSON *object;
    cJSON *node;

    if (!isfinite(number))
        return encoded_node(value);
    (void)snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) != number)
        (void)snprintf(text, sizeof text, "%.17g", number);
    object = tagged(kind);
    node = cJSON_CreateRaw(text);
    json_need(node);
    add(object, "value", node);
    return object;
}

static cJSON *decimal_node(const amqp_decimal_t *decimal)
{
    cJSON *object = tagged("decimal");

    add(object, "scale", integer_to_json(decimal->decimals));
    add(object, "value", integer_to_json(decimal->value));
    return object;
}

static cJSON *array_node(const amqp_array_t *array, unsigned depth);

static cJSON *integer_node(const amqp_field_value_t *value, const struct integer_kind *kind)
{
    cJSON *node = integer_value_to_json(value);
    cJSON *object;

    if (kind->kind == AMQP_FIELD_KIND_I64 && cJSON_IsRaw(node))
        return node;
    object = tagged(kind->name);
    add(object, "value", node);
    return object;
}

static cJSON *plain_node(cJSON *node)
{
    json_need(node);
    return node;
}

static cJSON *value_node(const amqp_field_value_t *value, unsigned depth)
{
    const struct integer_kind *integer = integer_kind_of(value->kind);

    if (integer != NULL)
        return integer_node(value, integer);
    switch (value->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        return plain_node(cJSON_CreateBool(value->value.boolean != 0));
    case AMQP_FIELD_KIND_VOID:
        return plain_node(cJSON_CreateNull());
    case AMQP_FIELD_KIND_UTF8:
        return field_text_to_json(value->value.bytes);
    case AMQP_FIELD_KIND_BYTES:
        return base64_node("bytes", value->value.bytes);
    case AMQP_FIELD_KIND_F32:
        return float_node("float32", (double)value->value.f32, value);
    case AMQP_FIELD_KIND_F64:
        return float_node("float64", value->value.f64, value);
    case AMQP_FIELD_KIND_DECIMAL:
        return decimal_node(&value->value.decimal);
    case AMQP_FIELD_KIND_TABLE:
        return depth < MAX_DEPTH ? table_node(&value->value.table, depth + 1) : encoded_node(value);
    case AMQP_FIELD_KIND_ARRAY:
        return depth < MAX_DEPTH ? array_node(&value->value.array, depth + 1) : encoded_node(value);
    default:
        die(EXIT_BUG, "a header of the unknown kind %d", value->kind);
    }
}

static cJSON *array_node(const amqp_array_t *array, unsigned depth)
{
    cJSON *list = cJSON_CreateArray();

    json_need(list);
    for (int i = 0; i < array->num_entries; i++)
        if (!cJSON_AddItemToArray(list, value_node(&array->entries[i], depth)))
            die_no_memory();
    return list;
}

static cJSON *entries_node(const amqp_table_t *table, unsigned depth)
{
    cJSON *list = cJSON_CreateArray();

    json_need(list);
    for (int i = 0; i < table->num_entries; i++) {
        cJSON *pair = cJSON_CreateArray();

        json_need(pair);
        if (!cJSON_AddItemToArray(pair, field_text_to_json(table->entries[i].key)) ||
            !cJSON_AddItemToArray(pair, value_node(&table->entries[i].value, depth)) ||
            !cJSON_AddItemToArray(list, pair))
            die_no_memory();
    }
    return list;
}

static int by_key(const void *a, const void *b)
{
    const amqp_bytes_t *left = a;
    const amqp_bytes_t *right = b;
    size_t common = left->len < right->len ? left->len : right->len;
    int order = common > 0 ? memcmp(left->bytes, right->bytes, common) : 0;

    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

/* Can its names be those of a JSON object's members? */
static bool names_fit(const amqp_table_t *table)
{
    size_t count = (size_t)table->num_entries;
    amqp_bytes_t *names = xcalloc(count + 1, sizeof *names);
    bool fit = true;

    for (size_t i = 0; i < count; i++) {
        names[i] = table->entries[i].key;
        fit = fit && text_is_utf8(names[i].bytes, names[i].len);
    }
    qsort(names, count, sizeof *names, by_key);
    for (size_t i = 1; i < count; i++)
        fit = fit && by_key(&names[i - 1], &names[i]) != 0;
    free(names);
    return fit;
}

static cJSON *members_node(const amqp_table_t *table, unsigned depth)
{
    cJSON *object = cJSON_CreateObject();

    json_need(object);
    for (int i = 0; i < table->num_entries; i++) {
        char name[256] = "";

        /* A short string of AMQP: 255 bytes at most. */
        (void)snprintf(name, sizeof name, "%.*s", (int)table->entries[i].key.len,
                       table->entries[i].key.len > 0 ? (const char *)table->entries[i].key.bytes
                                                     : "");
        add(object, name, value_node(&table->entries[i].value, depth));
    }
    return object;
}

static cJSON *table_node(const amqp_table_t *table, unsigned depth)
{
    bool fit = names_fit(table);
    cJSON *content = fit ? members_node(table, depth) : entries_node(table, depth);
    cJSON *object;

    if (fit && json_member(content, TAG) == NULL)
        return content;
    object = tagged("table");
    add(object, fit ? "value" : "entries", content);
    return object;
}

cJSON *field_table_to_json(const amqp_table_t *table)
{
    return table_node(table, 1);
}

/* ---- from JSON ---- */

static void *pool_array(amqp_pool_t *pool, size_t count, size_t size)
{
    void *memory = amqp_pool_alloc(pool, (count + 1) * size);

    if (memory == NULL)
        die_no_memory();
    return memory;
}

/* The member of that name if the object has so many members, among them this one; otherwise NULL.
 */
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
    return cJSON_IsObject(json) ? json_member_text(json, TAG) : NULL;
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

    if (json_member(json, TAG) == NULL)
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

    /* It is read by a function that calls itself for each level: what is longer could be too deep
     * for the stack. */
    if (!base64_member(json, pool, &bytes) || bytes.len > ENCODED_MAX)
        return false;
    table = pool_array(pool, 1, sizeof *table);
    if (amqp_decode_table(bytes, pool, table, &used) != AMQP_STATUS_OK || used != bytes.len ||
        table->num_entries != 1)
        return false;
    *value = table->entries[0].value;
    /* RabbitMQ closes the connection, with all that is on it. */
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
