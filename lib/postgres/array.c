#include "postgres/array.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Of the header: number of dimensions, whether there are nulls, type, count, first index. */
#define HEADER_SIZE 20
#define COUNT_AT 12
#define TYPE_AT 8

static void put(char *bytes, uint64_t value, size_t len)
{
    while (len > 0) {
        bytes[--len] = (char)(value & 0xFF);
        value >>= 8;
    }
}

/* Returns where len bytes more are to be written. */
static char *extend(struct array *array, size_t len)
{
    if (array->size - array->len < len) {
        array->size = 2 * (array->len + len);
        array->bytes = xrealloc(array->bytes, array->size);
    }
    array->len += len;
    return array->bytes + array->len - len;
}

void array_start(struct array *array, enum array_type type)
{
    array->len = 0;
    array->count = 0;
    memset(extend(array, HEADER_SIZE), 0, HEADER_SIZE);
    put(array->bytes, 1, 4);
    put(array->bytes + TYPE_AT, (uint64_t)type, 4);
    put(array->bytes + COUNT_AT + 4, 1, 4);
}

/* Adds an element of len bytes, and returns where they are to be written. */
static char *add(struct array *array, size_t len)
{
    char *bytes = extend(array, 4 + len);

    put(bytes, len, 4);
    put(array->bytes + COUNT_AT, ++array->count, 4);
    return bytes + 4;
}

static int64_t time_of(int64_t ms)
{
    return (ms - POSTGRES_EPOCH_MS) * 1000;
}

void array_int(struct array *array, int64_t value)
{
    put(add(array, 8), (uint64_t)value, 8);
}

void array_time(struct array *array, int64_t ms)
{
    array_int(array, time_of(ms));
}

void array_text(struct array *array, const char *text, size_t len)
{
    memcpy(add(array, len), text, len);
}

void array_uuid(struct array *array, const unsigned char id[UUID_BYTES])
{
    memcpy(add(array, UUID_BYTES), id, UUID_BYTES);
}

void array_free(struct array *array)
{
    free(array->bytes);
    *array = (struct array){0};
}

struct parameter parameter_array(const struct array *array)
{
    return (struct parameter){array->bytes, array->len};
}

struct parameter parameter_text(const char *text)
{
    return (struct parameter){text, strlen(text)};
}

struct parameter parameter_int(int64_t value, struct parameter_int *room)
{
    put(room->bytes, (uint64_t)value, sizeof room->bytes);
    return (struct parameter){room->bytes, sizeof room->bytes};
}
