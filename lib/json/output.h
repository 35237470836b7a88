/*
 * output_json: JSON on standard output, a line each.
 */
#ifndef JSON_OUTPUT_H
#define JSON_OUTPUT_H

#include "base/report.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/*
 * Adds a JSON text to standard output: on one line, and without what a terminal would take for more
 * than text: such characters stand as \uXXXX, which is the same JSON. Returns as output_line().
 */
enum exit_code output_json_text(const char *text, size_t len);

/* The same with a tree as one line of JSON; the tree is freed. */
enum exit_code output_json(cJSON *tree);

#endif
