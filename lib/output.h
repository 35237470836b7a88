/*
 * output: standard output, which carries data alone and is checked to the last byte.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "report.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Adds text to what is to be written. EXIT_OUTPUT, reported once, if writing failed. */
enum exit_code output_text(const char *text, size_t len);

/* The same with a newline after it. */
enum exit_code output_line(const char *text, size_t len);

/*
 * The same with a JSON text: on one line, and without what a terminal would take for more than text: such
 * characters stand as \uXXXX, which is the same JSON.
 */
enum exit_code output_json_text(const char *text, size_t len);

/* The same with a tree as one line of JSON; the tree is freed. */
enum exit_code output_json(cJSON *tree);

/*
 * Hands what was added so far, and then text, to the system. *taken is how many bytes of text it has surely taken: all of
 * them with EXIT_OK, fewer with EXIT_OUTPUT, which is reported once.
 */
enum exit_code output_write(const char *text, size_t len, size_t *taken);

/* Hands all that was added to the system. EXIT_OUTPUT, reported once, if it was not taken. */
enum exit_code output_flush(void);

/* The same, and if it is a file, until it is on the disk. */
enum exit_code output_sync(void);

/* The last word of every program: flushes, closes, and gives code, or EXIT_OUTPUT if that failed. */
enum exit_code output_close(enum exit_code code);

#endif
