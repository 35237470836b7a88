/*
 * json_writer: a JSON text on one line, written token by token.
 *
 * For what is written a thousand times a second: cJSON needs a node for each value, and prints a
 * number through printf() and reads it back, to see that nothing was lost. The bytes are the same.
 */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include <stddef.h>

struct json_writer {
    char *text;
    size_t len;
    size_t size;
};

/* An empty line. */
void json_writer_start(struct json_writer *line);

/* Adds the text as it is: brackets, commas, names of members. */
void json_writer_raw(struct json_writer *line, const char *text);

/* The same of len bytes. */
void json_writer_bytes(struct json_writer *line, const char *bytes, size_t len);

/* Adds a string of UTF-8, in quotes and escaped. */
void json_writer_string(struct json_writer *line, const char *text);

/* Adds a number, which is not negative. */
void json_writer_number(struct json_writer *line, unsigned number);

/* The whole line, ending in a NUL and without a line break; to be freed. */
char *json_writer_end(struct json_writer *line);

#endif
