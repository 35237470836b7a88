/*
 * rejects: where refused input goes besides standard error: unchanged into one file, and as a line
 * of JSON for each refusal into another.
 *
 *     {"number": 3, "line": 17, "order_id": "...", "member": "...", "reason": "...",
 *      "input": "..."}
 *
 * order_id is there if the refused value is an object that has one, valid or not; member, if one of
 * its members is at fault. input has the first REJECTS_INPUT_MAX bytes, with U+FFFD for what is not
 * UTF-8 and for NUL; "cut": true follows it if there was more.
 */
#ifndef ORDER_PLACE_REJECTS_H
#define ORDER_PLACE_REJECTS_H

#include "base/report.h"
#include "json/stream.h"

#include <stdbool.h>

#define REJECTS_INPUT_MAX ((size_t)16 * 1024)

/*
 * Opens the files at path and json_path, either of which may be NULL, for appending. Returns
 * EXIT_OK; or EXIT_OUTPUT, reported, if one cannot be opened. Close with rejects_close() in either
 * case.
 */
enum exit_code rejects_open(const char *path, const char *json_path);

/*
 * Adds a piece of refused input; is_value says that it is a whole JSON value. The last piece of a
 * refusal is written before this returns. Returns EXIT_OK; or EXIT_OUTPUT, reported, if a file
 * could not be written.
 */
enum exit_code rejects_add(const struct json_piece *piece, bool is_value);

/* Closes the files. Returns as rejects_add(). */
enum exit_code rejects_close(void);

#endif
