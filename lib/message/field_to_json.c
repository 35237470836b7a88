#include "amqp/bytes.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "json/json.h"
#include "message/base64.h"
#include "message/field.h"
#include "message/integer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Levels of tables and arrays. Deeper ones stand encoded, to keep within JSON_MAX_DEPTH. */
#define MAX_DEPTH 16

static cJSON *table_node(const amqp_table_t *table, unsigned depth);
static cJSON *array_node(const amqp_array_t *array, unsigned depth);

static cJSON *tagged(const char *kind)
{
    cJSON *object = json_need(cJSON_CreateObject());

    json_add_text(object, FIELD_TAG, kind);
    return object;
}

static cJSON *base64_node(const char *kind, amqp_bytes_t bytes)
{
    cJSON *object = tagged(kind);
    char *text = base64_encode(bytes);

    json_add_text(object, "base64", text);
    free(text);
    return object;
}

cJSON *field_text_to_json(amqp_bytes_t bytes)
{
    char *text;
    cJSON *node;

    if (!text_is_utf8(bytes.bytes, bytes.len))
        return base64_node("string", bytes);
    text = xmemdup_text(bytes.bytes, bytes.len);
    node = json_need(cJSON_CreateString(text));
    free(text);
    return node;
}

/* Returns value in its encoding on the wire: as a table of one entry without a name. */
static cJSON *encoded_node(const amqp_field_value_t *value)
{
    amqp_table_entry_t entry = {.key = amqp_empty_bytes, .value = *value};
    amqp_table_t table = {.num_entries = 1, .entries = &entry};
    amqp_bytes_t space = {.len = 4096};
    size_t used = 0;
    cJSON *node;
    int status;

    /* Encoding into too little space fails with one status or another. */
    do {
        space.len *= 2;
        space.bytes = xrealloc(space.bytes, space.len);
        used = 0;
        status = amqp_encode_table(space, &table, &used);
    } while (status != AMQP_STATUS_OK && space.len < FIELD_ENCODED_MAX);
    if (status != AMQP_STATUS_OK)
        die(EXIT_BUG, "a header that cannot be encoded: %s", amqp_error_string2(status));
    space.len = used;
    node = base64_node("encoded", space);
    free(space.bytes);
    return node;
}

/* Writes as many digits as it takes to read the same number again. */
static cJSON *float_node(const char *kind, double number, const amqp_field_value_t *value)
{
    char text[64];
    cJSON *object;

    if (!isfinite(number))
        return encoded_node(value);
    (void)snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) != number)
        (void)snprintf(text, sizeof text, "%.17g", number);
    object = tagged(kind);
    json_add(object, "value", cJSON_CreateRaw(text));
    return object;
}

static cJSON *decimal_node(const amqp_decimal_t *decimal)
{
    cJSON *object = tagged("decimal");

    json_add(object, "scale", integer_to_json(decimal->decimals));
    json_add(object, "value", integer_to_json(decimal->value));
    return object;
}

static cJSON *integer_node(const amqp_field_value_t *value, const struct integer_kind *kind)
{
    cJSON *node = integer_value_to_json(value);
    cJSON *object;

    if (kind->kind == AMQP_FIELD_KIND_I64 && cJSON_IsRaw(node))
        return node;
    object = tagged(kind->name);
    json_add(object, "value", node);
    return object;
}

static cJSON *value_node(const amqp_field_value_t *value, unsigned depth)
{
    const struct integer_kind *integer = integer_kind_of(value->kind);

    if (integer != NULL)
        return integer_node(value, integer);
    switch (value->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        return json_need(cJSON_CreateBool(value->value.boolean != 0));
    case AMQP_FIELD_KIND_VOID:
        return json_need(cJSON_CreateNull());
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
    cJSON *list = json_need(cJSON_CreateArray());

    for (int i = 0; i < array->num_entries; i++)
        if (!cJSON_AddItemToArray(list, value_node(&array->entries[i], depth)))
            die_no_memory();
    return list;
}

static cJSON *entries_node(const amqp_table_t *table, unsigned depth)
{
    cJSON *list = json_need(cJSON_CreateArray());

    for (int i = 0; i < table->num_entries; i++) {
        cJSON *pair = json_need(cJSON_CreateArray());

        if (!cJSON_AddItemToArray(pair, field_text_to_json(table->entries[i].key)) ||
            !cJSON_AddItemToArray(pair, value_node(&table->entries[i].value, depth)) ||
            !cJSON_AddItemToArray(list, pair))
            die_no_memory();
    }
    return list;
}

/* Returns whether the names can be those of a JSON object's members: UTF-8, and no two alike. */
static bool names_fit(const amqp_table_t *table)
{
    size_t count = (size_t)table->num_entries;
    amqp_bytes_t *names = xmalloc((count + 1) * sizeof *names);
    bool fit = true;

    for (size_t i = 0; i < count; i++) {
        names[i] = table->entries[i].key;
        fit = fit && text_is_utf8(names[i].bytes, names[i].len);
    }
    qsort(names, count, sizeof *names, bytes_compare);
    for (size_t i = 1; i < count; i++)
        fit = fit && bytes_compare(&names[i - 1], &names[i]) != 0;
    free(names);
    return fit;
}

static cJSON *members_node(const amqp_table_t *table, unsigned depth)
{
    cJSON *object = json_need(cJSON_CreateObject());

    for (int i = 0; i < table->num_entries; i++) {
        char name[256] = "";

        /* Names have 255 bytes at most: they are short strings of AMQP. */
        (void)snprintf(name, sizeof name, "%.*s", (int)table->entries[i].key.len,
                       table->entries[i].key.len > 0 ? (const char *)table->entries[i].key.bytes
                                                     : "");
        json_add(object, name, value_node(&table->entries[i].value, depth));
    }
    return object;
}

static cJSON *table_node(const amqp_table_t *table, unsigned depth)
{
    bool fit = names_fit(table);
    cJSON *content = fit ? members_node(table, depth) : entries_node(table, depth);
    cJSON *object;

    if (fit && json_member(content, FIELD_TAG) == NULL)
        return content;
    object = tagged("table");
    json_add(object, fit ? "value" : "entries", content);
    return object;
}

cJSON *field_table_to_json(const amqp_table_t *table)
{
    return table_node(table, 1);
}
