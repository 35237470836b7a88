/*
 * output_json: JSON on standard output, one text a line.
 *
 * Both functions return what output_line() (output.h) returns.
 */
#ifndef JSON_OUTPUT_H
#define JSON_OUTPUT_H

#include "base/report.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Writes text[0..len), valid JSON, as a line that is safe for a terminal: json_shown() (json.h). */
enum exit_code output_json_text(const char *text, size_t len);

/* Writes tree as one line, as output_json_text() does, and frees it. */
enum exit_code output_json(cJSON *tree);

#endif
