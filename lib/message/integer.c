#include "message/integer.h"

#include "json/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A double holds every integer up to this one, and none beyond it rounds to one of them. */
#define EXACT_MAX ((UINT64_C(1) << 53) - 1)

static const struct integer_kind kinds[] = {
    {"int8", AMQP_FIELD_KIND_I8, INT8_MIN, INT8_MAX},
    {"uint8", AMQP_FIELD_KIND_U8, 0, UINT8_MAX},
    {"int16", AMQP_FIELD_KIND_I16, INT16_MIN, INT16_MAX},
    {"uint16", AMQP_FIELD_KIND_U16, 0, UINT16_MAX},
    {"int32", AMQP_FIELD_KIND_I32, INT32_MIN, INT32_MAX},
    {"uint32", AMQP_FIELD_KIND_U32, 0, UINT32_MAX},
    {"int64", AMQP_FIELD_KIND_I64, INT64_MIN, INT64_MAX},
    {"uint64", AMQP_FIELD_KIND_U64, 0, UINT64_MAX},
    {"timestamp", AMQP_FIELD_KIND_TIMESTAMP, 0, UINT64_MAX},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

const struct integer_kind *integer_kind_of(uint8_t kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return &kinds[i];
    return NULL;
}

const struct integer_kind *integer_kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool integer_of(const amqp_field_value_t *value, int64_t *integer)
{
    switch (value->kind) {
    case AMQP_FIELD_KIND_I8:
        *integer = value->value.i8;
        return true;
    case AMQP_FIELD_KIND_U8:
        *integer = value->value.u8;
        return true;
    case AMQP_FIELD_KIND_I16:
        *integer = value->value.i16;
        return true;
    case AMQP_FIELD_KIND_U16:
        *integer = value->value.u16;
        return true;
    case AMQP_FIELD_KIND_I32:
        *integer = value->value.i32;
        return true;
    case AMQP_FIELD_KIND_U32:
        *integer = value->value.u32;
        return true;
    case AMQP_FIELD_KIND_I64:
        *integer = value->value.i64;
        return true;
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        *integer = value->value.u64 > INT64_MAX ? INT64_MAX : (int64_t)value->value.u64;
        return true;
    default:
        return false;
    }
}

/* ---- to JSON ---- */

static cJSON *node(const char *digits, bool is_exact)
{
    return json_need(is_exact ? cJSON_CreateRaw(digits) : cJSON_CreateString(digits));
}

cJSON *integer_to_json(int64_t integer)
{
    char digits[32];

    (void)snprintf(digits, sizeof digits, "%" PRId64, integer);
    return node(digits, integer >= -(int64_t)EXACT_MAX && integer <= (int64_t)EXACT_MAX);
}

cJSON *integer_unsigned_to_json(uint64_t integer)
{
    char digits[32];

    (void)snprintf(digits, sizeof digits, "%" PRIu64, integer);
    return node(digits, integer <= EXACT_MAX);
}

cJSON *integer_value_to_json(const amqp_field_value_t *value)
{
    int64_t integer = 0;

    if (value->kind == AMQP_FIELD_KIND_U64 || value->kind == AMQP_FIELD_KIND_TIMESTAMP)
        return integer_unsigned_to_json(value->value.u64);
    (void)integer_of(value, &integer);
    return integer_to_json(integer);
}

/* ---- from JSON ---- */

bool integer_from_json(const cJSON *json, int64_t least, uint64_t most, uint64_t *integer)
{
    const char *text = cJSON_GetStringValue(json);
    bool negative;
    char *end;

    if (cJSON_IsNumber(json)) {
        int64_t number;

        if (!json_integer(json, -(int64_t)EXACT_MAX, (int64_t)EXACT_MAX, &number) || number < least)
            return false;
        *integer = (uint64_t)number;
        return number < 0 || *integer <= most;
    }
    negative = text != NULL && text[0] == '-';
    if (text == NULL || text[negative] < '0' || text[negative] > '9')
        return false;
    errno = 0;
    if (negative) {
        int64_t number = strtoll(text, &end, 10);

        *integer = (uint64_t)number;
        return errno == 0 && *end == '\0' && number >= least;
    }
    *integer = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *integer <= most;
}

bool integer_value_from_json(const cJSON *json, const struct integer_kind *kind,
                             amqp_field_value_t *value)
{
    uint64_t integer;

    if (!integer_from_json(json, kind->least, kind->most, &integer))
        return false;
    value->kind = kind->kind;
    switch (kind->kind) {
    case AMQP_FIELD_KIND_I8:
        value->value.i8 = (int8_t)integer;
        break;
    case AMQP_FIELD_KIND_U8:
        value->value.u8 = (uint8_t)integer;
        break;
    case AMQP_FIELD_KIND_I16:
        value->value.i16 = (int16_t)integer;
        break;
    case AMQP_FIELD_KIND_U16:
        value->value.u16 = (uint16_t)integer;
        break;
    case AMQP_FIELD_KIND_I32:
        value->value.i32 = (int32_t)integer;
        break;
    case AMQP_FIELD_KIND_U32:
        value->value.u32 = (uint32_t)integer;
        break;
    case AMQP_FIELD_KIND_I64:
        value->value.i64 = (int64_t)integer;
        break;
    default:
        value->value.u64 = integer;
        break;
    }
    return true;
}
