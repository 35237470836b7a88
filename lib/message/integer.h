/*
 * integer: the integers of AMQP, of any width, as JSON and back: a number where a double holds it
 * exactly, otherwise a string of its digits, so that no program in between rounds it.
 */
#ifndef MESSAGE_INTEGER_H
#define MESSAGE_INTEGER_H

#include "amqp/rabbitmq.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* One of AMQP's types of integers. */
struct integer_kind {
    const char *name; /* "int8" */
    uint8_t kind;     /* AMQP_FIELD_KIND_I8 */
    int64_t least;
    uint64_t most;
};

/* Return the type by its AMQP_FIELD_KIND_, or by its name; NULL if there is none. */
const struct integer_kind *integer_kind_of(uint8_t kind);
const struct integer_kind *integer_kind_named(const char *name);

/* Reads an integer of any type, INT64_MAX at most. Returns false if value is of another type. */
bool integer_of(const amqp_field_value_t *value, int64_t *integer);

/* Return the integer as JSON. The caller frees it with cJSON_Delete(). */
cJSON *integer_to_json(int64_t integer);
cJSON *integer_unsigned_to_json(uint64_t integer);

/* The same for value, which must be of a type of integers. */
cJSON *integer_value_to_json(const amqp_field_value_t *value);

/*
 * Reads an integer from least to most into *integer, a negative one as its two's complement.
 * Returns false if json, which may be NULL, is anything else.
 */
bool integer_from_json(const cJSON *json, int64_t least, uint64_t most, uint64_t *integer);

/* Reads an integer of the type kind. Returns false if json, which may be NULL, is anything else. */
bool integer_value_from_json(const cJSON *json, const struct integer_kind *kind,
                             amqp_field_value_t *value);

#endif
