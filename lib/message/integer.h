/*
 * integer: the integers of AMQP, of whatever width, as JSON and back: a number as long as a double
 * holds it, otherwise its digits as a string, so that no program between rounds it.
 */
#ifndef MESSAGE_INTEGER_H
#define MESSAGE_INTEGER_H

#include "amqp/rabbitmq.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct integer_kind {
    const char *name; /* "int8" */
    uint8_t kind;     /* AMQP_FIELD_KIND_I8 */
    int64_t least;
    uint64_t most;
};

/* NULL if there is none of that AMQP_FIELD_KIND_, or of that name. */
const struct integer_kind *integer_kind_of(uint8_t kind);
const struct integer_kind *integer_kind_named(const char *name);

/* The value of an integer; INT64_MAX if it is larger. False if value is none. */
bool integer_of(const amqp_field_value_t *value, int64_t *integer);

/* To be freed with cJSON_Delete(). */
cJSON *integer_to_json(int64_t integer);
cJSON *integer_unsigned_to_json(uint64_t integer);

/* Of a value of an integer's kind. */
cJSON *integer_value_to_json(const amqp_field_value_t *value);

/* False if json, which may be NULL, is no integer from least to most; most may be anything up to
 * UINT64_MAX. */
bool integer_from_json(const cJSON *json, int64_t least, uint64_t most, uint64_t *integer);

/* False if json, which may be NULL, is no integer of that kind. */
bool integer_value_from_json(const cJSON *json, const struct integer_kind *kind,
                             amqp_field_value_t *value);

#endif
