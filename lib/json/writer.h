/*
 * json_writer: writes JSON on one line, token by token, for hot paths.
 *
 * The bytes are those that cJSON would print, without a node for each value. The caller writes the
 * tokens in an order that makes valid JSON. Without memory the program ends with EXIT_BUG.
 */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include <stddef.h>

/* Private. */
struct json_writer {
    char *text;
    size_t len;
    size_t size;
};

/* Starts an empty line. End it with json_writer_end(). */
void json_writer_start(struct json_writer *line);

/* Appends text as it is: brackets, commas, keys. */
void json_writer_raw(struct json_writer *line, const char *text);

/* Appends bytes[0..len) as they are. */
void json_writer_bytes(struct json_writer *line, const char *bytes, size_t len);

/* Appends text, which must be UTF-8, as a string: quoted and escaped. */
void json_writer_string(struct json_writer *line, const char *text);

/* Appends start as it is, which ends with a key and its colon, and text as a string; or null if
 * text is NULL. */
void json_writer_member(struct json_writer *line, const char *start, const char *text);

/* As json_writer_member(), for text that may not be UTF-8: then as printable_text() shows it. */
void json_writer_foreign(struct json_writer *line, const char *start, const char *text);

/* Appends a number. */
void json_writer_number(struct json_writer *line, unsigned number);

/* Returns the line, with a NUL and without a line break after it. Free with free(). */
char *json_writer_end(struct json_writer *line);

#endif
