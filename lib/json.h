/*
 * json: one strict JSON text as a cJSON tree, and what is read out of such a tree.
 *
 * Source: RFC 8259. cJSON takes more than that (leading zeros, raw controls, a byte order mark), cuts strings
 * at NUL and keeps duplicate keys; so the text is scanned first (json_scan.h) and the keys are compared
 * afterwards.
 */
#ifndef JSON_H
#define JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The tree of the one value in text[0..len), white space around it allowed; the caller frees it with
 * cJSON_Delete(). NULL if it is not strict JSON, with the reason, a constant, in *reason.
 */
cJSON *json_parse(const char *text, size_t len, const char **reason);

/*
 * The same of a text that was scanned and found complete, and is not scanned again: what can still be wrong with it is a
 * key that an object has twice. inexact is what the scan tells of its numbers.
 */
cJSON *json_parse_scanned(const char *text, size_t len, bool inexact, const char **reason);

/* The member of that name of an object, case and all; NULL if there is none. */
const cJSON *json_member(const cJSON *object, const char *name);

/* The text of a member that is a string, otherwise NULL. */
const char *json_member_text(const cJSON *object, const char *name);

/*
 * Is value, which is NULL or was parsed by these, an integer from least to most, both of 18 digits at most? That is
 * decided by the digits that are written: 1.0 and 10e-1 are 1, 0.99999999999999999999 is not, though a double would be.
 */
bool json_integer(const cJSON *value, int64_t least, int64_t most, int64_t *integer);

/* Takes out, in place, the white space between the tokens of a valid JSON text; returns the new length. */
size_t json_compact(char *text, size_t len);

/*
 * The same text on one line, and without what a terminal would take for more than text: such characters stand as
 * \uXXXX. To be freed; ends in a NUL.
 */
char *json_shown(const char *text, size_t len, size_t *shown_len);

/*
 * Where, in the text of a JSON object, the value of the member of that name stands. NULL if there is none, or its name
 * is written with an escape.
 */
const char *json_member_raw(const char *text, size_t len, const char *name, size_t *value_len);

/*
 * A text that two JSON texts have in common if, and only if, they have the same content, whatever their white space and
 * the order of members. Of an object the member named without, unless that is NULL, does not count. Numbers count as
 * they are written: 1 is not 1.0. To be freed with cJSON_free(); NULL if the text is not strict JSON.
 */
char *json_canonical(const char *text, size_t len, const char *without);

/* Ends the program if cJSON had no memory for what it was asked to make or to add. */
void json_need(const void *made);

/* The tree as one line of JSON, to be freed with cJSON_free(). Ends the program if there is no memory. */
char *json_print(const cJSON *tree);

#endif
