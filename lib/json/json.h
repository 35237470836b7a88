/*
 * json: one JSON text as a cJSON tree, and what is read out of such a tree.
 *
 * Source: RFC 8259. cJSON takes more than that (leading zeros, raw controls, a byte order mark), so
 * the text is scanned first (json/scan.h). And it cuts strings at NUL, fails on half a surrogate
 * pair and keeps duplicate keys, which RFC 8259 allows: json_parse() refuses such texts;
 * json_parse_liberal() takes them, for the sake of what is read by nobody.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Checks that text[0..len) is one JSON value, with white space around it perhaps. Returns NULL if
 * so, with its traits (enum json_trait); otherwise the reason, a constant, with the place of the
 * fault in *at.
 */
const char *json_check(const char *text, size_t len, unsigned *traits, size_t *at);

/*
 * Returns the tree of the one value in text[0..len); the caller frees it with cJSON_Delete(). NULL,
 * with the reason, a constant, in *reason, if it is not JSON or if parsers may read it differently:
 * an object has a key twice, or a string an escape of NUL or of half a surrogate pair.
 */
cJSON *json_parse(const char *text, size_t len, const char **reason);

#define JSON_HALF 0x1A /* the control character SUBSTITUTE */

/*
 * The same of any JSON. Keys may be there twice: see json_member_once(). In place of NUL a string
 * has U+0001, in place of half a surrogate pair JSON_HALF. NULL if it is not JSON.
 */
cJSON *json_parse_liberal(const char *text, size_t len);

/* The same of a text that was checked, or scanned and found complete, and has these traits. Never
 * NULL. */
cJSON *json_parse_scanned(const char *text, size_t len, unsigned traits);

/*
 * Returns why parsers may read a text differently, a constant: an object has a key twice, or a
 * string an escape of NUL or of half a surrogate pair. NULL if they do not. tree is that of the
 * text, as json_parse_scanned() returns it, and traits are those of the text.
 */
const char *json_ambiguity(const cJSON *tree, unsigned traits);

/* The member of that name of an object, case and all; NULL if there is none. */
const cJSON *json_member(const cJSON *object, const char *name);

/* Finds the member of that name of a value; NULL if there is none, or it is no object. False if it
 * is there twice. */
bool json_member_once(const cJSON *object, const char *name, const cJSON **member);

/* The text of a member that is a string, otherwise NULL. */
const char *json_member_text(const cJSON *object, const char *name);

/*
 * Is value, which is NULL or was parsed by these, an integer from least to most, both of 18 digits
 * at most? That is decided by the digits that are written: 1.0 and 10e-1 are 1,
 * 0.99999999999999999999 is not, though a double would be.
 */
bool json_integer(const cJSON *value, int64_t least, int64_t most, int64_t *integer);

/* Takes out, in place, the white space between the tokens of a valid JSON text; returns the new
 * length. */
size_t json_compact(char *text, size_t len);

/*
 * The same text on one line, and without what a terminal would take for more than text: such
 * characters stand as \uXXXX. To be freed; ends in a NUL.
 */
char *json_shown(const char *text, size_t len, size_t *shown_len);

/*
 * Where, in the text of a JSON object, the value of the member of that name stands. NULL if there
 * is none, or its name is written with an escape.
 */
const char *json_member_raw(const char *text, size_t len, const char *name, size_t *value_len);

/* Sorts the members of an object by name; those of one name keep their order. */
void json_sort_object(cJSON *object);

/* Ends the program if cJSON had no memory for what it was asked to make or to add. */
void json_need(const void *made);

/* The tree as one line of JSON, to be freed with cJSON_free(). Ends the program if there is no
 * memory. */
char *json_print(const cJSON *tree);

#endif
