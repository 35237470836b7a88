/*
 * array: the parameters of statements, in PostgreSQL's binary format: single values, and arrays for
 * statements that handle a whole batch with unnest($1::bigint[]) or = ANY ($1::text[]).
 */
#ifndef POSTGRES_ARRAY_H
#define POSTGRES_ARRAY_H

#include "base/uuid.h"

#include <stddef.h>
#include <stdint.h>

/* The type of the elements, by the OID that it has in PostgreSQL. */
enum array_type {
    ARRAY_INT = 20,    /* bigint */
    ARRAY_TEXT = 25,   /* text */
    ARRAY_TIME = 1184, /* timestamptz, from milliseconds since 1970 */
    ARRAY_UUID = 2950  /* uuid */
};

/* Zeroed and filled with array_start(), then with elements; freed with array_free(). */
struct array {
    char *bytes;
    size_t len;
    size_t size;
    uint32_t count;
};

/* Empties the array for elements of that type. Keeps its memory. */
void array_start(struct array *array, enum array_type type);

/* Each adds an element of that type. */
void array_int(struct array *array, int64_t value);
void array_time(struct array *array, int64_t ms);
void array_text(struct array *array, const char *text, size_t len);
void array_uuid(struct array *array, const unsigned char id[UUID_BYTES]);

/* Frees the memory. The array can be started again. */
void array_free(struct array *array);

/* A parameter of a statement. The bytes must stay until the statement was sent. */
struct parameter {
    const char *bytes;
    size_t len;
};

/* The bytes of a single bigint. */
struct parameter_int {
    char bytes[8];
};

/* Each returns a parameter of that value. What has a room refers to it, and writes it. */
struct parameter parameter_array(const struct array *array);
struct parameter parameter_text(const char *text);
struct parameter parameter_int(int64_t value, struct parameter_int *room);

/* Milliseconds between 1970 and 2000, where PostgreSQL's times begin. */
#define POSTGRES_EPOCH_MS INT64_C(946684800000)

#endif
