/*
 * json_line: a JSON text on one line, written token by token.
 *
 * For what is written a thousand times a second: cJSON needs a node for each value, and prints a number through
 * printf() and reads it back, to see that nothing was lost. The bytes are the same.
 */
#ifndef JSON_JSON_LINE_H
#define JSON_JSON_LINE_H

#include <stddef.h>

struct json_line {
    char *text;
    size_t len;
    size_t size;
};

/* An empty line. */
void json_line_start(struct json_line *line);

/* Adds the text as it is: brackets, commas, names of members. */
void json_line_raw(struct json_line *line, const char *text);

/* The same of len bytes. */
void json_line_bytes(struct json_line *line, const char *bytes, size_t len);

/* Adds a string of UTF-8, in quotes and escaped. */
void json_line_string(struct json_line *line, const char *text);

/* Adds a number, which is not negative. */
void json_line_number(struct json_line *line, unsigned number);

/* The whole line, ending in a NUL and without a line break; to be freed. */
char *json_line_end(struct json_line *line);

#endif
