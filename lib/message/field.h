/*
 * field: the values of AMQP headers as JSON, and back, without loss.
 *
 *   string of UTF-8    "text"             table               {"name": value, ...}
 *   boolean            true, false        array               [value, ...]
 *   int64              number             void                null
 *
 * Every other value names its type:
 *
 *   {"amqp": "int8", "value": 1}          also uint8, int16, uint16, int32, uint32, int64, uint64,
 *                                         timestamp (seconds since 1970), float32, float64
 *   {"amqp": "decimal", "scale": 2, "value": 314}
 *   {"amqp": "string", "base64": "..."}   a string that is not UTF-8, or contains a NUL
 *   {"amqp": "bytes", "base64": "..."}
 *   {"amqp": "table", "value": {...}}     a table that has a member called amqp itself
 *   {"amqp": "table", "entries": [[name, value], ...]}
 *                                         a table that has a name twice, or one that is not UTF-8
 *   {"amqp": "encoded", "base64": "..."}  a value that JSON cannot express: a float that is not
 *                                         finite, or one that is nested too deeply
 *
 * Integers that a double cannot hold stand as strings (integer.h):
 * {"amqp": "int64", "value": "9223372036854775807"}.
 */
#ifndef MESSAGE_FIELD_H
#define MESSAGE_FIELD_H

#include "amqp/rabbitmq.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The member that names a type. */
#define FIELD_TAG "amqp"

/* Bytes of an encoded value, at most: all headers of a message fit into a frame of 128 KiB. */
#define FIELD_ENCODED_MAX ((size_t)256 << 10)

/* Returns table as JSON. The caller frees it with cJSON_Delete(). */
cJSON *field_table_to_json(const amqp_table_t *table);

/*
 * Returns text as a JSON string or, if it is not UTF-8 or contains a NUL, as
 * {"amqp": "string", ...}. The caller frees it with cJSON_Delete().
 */
cJSON *field_text_to_json(amqp_bytes_t text);

/*
 * Reads a table of headers. The table is valid as long as pool and json are. Returns false, with
 * the reason, a constant, in *fault, if json, which may be NULL, is not a table as above.
 */
bool field_table_from_json(const cJSON *json, amqp_pool_t *pool, amqp_table_t *table,
                           const char **fault);

/*
 * Reads a string, as field_text_to_json() writes it; *text is valid as long as pool and json are.
 * Returns false if json, which may be NULL, is not one.
 */
bool field_text_from_json(const cJSON *json, amqp_pool_t *pool, amqp_bytes_t *text);

#endif
