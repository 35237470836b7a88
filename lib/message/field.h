/*
 * field: the values of AMQP headers as JSON, and back, without loss.
 *
 *   string of UTF-8    "text"             table               {"name": value, ...}
 *   boolean            true, false        array               [value, ...]
 *   int64              number             void                null
 *
 * Everything else says what it is:
 *
 *   {"amqp": "int8", "value": 1}          also uint8, int16, uint16, int32, uint32, int64, uint64,
 * timestamp (in seconds since 1970), float32, float64
 *   {"amqp": "decimal", "scale": 2, "value": 314}
 *   {"amqp": "string", "base64": "..."}   a string that is no UTF-8, or holds a NUL
 *   {"amqp": "bytes", "base64": "..."}
 *   {"amqp": "table", "value": {...}}     a table with a member of its own that is called amqp
 *   {"amqp": "table", "entries": [[name, value], ...]}
 *                                         a table with a name twice, or with one that is no UTF-8
 *   {"amqp": "encoded", "base64": "..."}  what JSON cannot say: no number, or nested too deeply
 *
 * Integers that a double does not hold are strings there (integer.h):
 * {"amqp": "int64", "value": "9223372036854775807"}.
 */
#ifndef MESSAGE_FIELD_H
#define MESSAGE_FIELD_H

#include "amqp/rabbitmq.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The table as JSON, to be freed with cJSON_Delete(). */
cJSON *field_table_to_json(const amqp_table_t *table);

/* Bytes as a string or, if they are no UTF-8 or hold a NUL, {"amqp": "string", ...}. */
cJSON *field_text_to_json(amqp_bytes_t text);

/*
 * The other way. False if json is none of the above; *fault then says why, a constant. What is read
 * lives in the pool, and as long as json does.
 */
bool field_table_from_json(const cJSON *json, amqp_pool_t *pool, amqp_table_t *table,
                           const char **fault);
bool field_text_from_json(const cJSON *json, amqp_pool_t *pool, amqp_bytes_t *text);

#endif
