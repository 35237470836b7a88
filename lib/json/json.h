/*
 * json: a JSON text as a cJSON tree, and functions on such trees and texts.
 *
 * cJSON alone is too lenient: it accepts leading zeros, raw controls and a byte order mark. So
 * every text is checked by json/scan.h first. RFC 8259 in turn allows what cJSON cannot hold (an
 * escaped NUL, an unpaired surrogate) and what parsers read differently (duplicate keys):
 * json_parse() refuses such texts, json_parse_scanned() accepts them, for texts of which only some
 * members matter.
 *
 * Every function ends the program with EXIT_BUG if memory runs out.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Checks that text[0..len) is one JSON value, with optional white space around it. Returns NULL if
 * it is, with its traits (enum json_trait) in *traits. Otherwise returns the reason, a constant,
 * with the offset of the fault in *at.
 */
const char *json_check(const char *text, size_t len, unsigned *traits, size_t *at);

/*
 * Returns the tree of text[0..len); free it with cJSON_Delete(). Returns NULL, with the reason, a
 * constant, in *reason, if the text is not JSON, an object has the same key twice, or a string has
 * an escaped NUL or an unpaired surrogate.
 */
cJSON *json_parse(const char *text, size_t len, const char **reason);

#define JSON_HALF 0x1A /* the control character SUBSTITUTE */

/*
 * Returns the tree of a text that json_check(), json_scan or json_stream has accepted with these
 * traits; free it with cJSON_Delete(). An object may have the same key twice: see
 * json_member_once(). In strings U+0001 stands for NUL, and JSON_HALF for an unpaired surrogate.
 * Never returns NULL; another text may end the program.
 */
cJSON *json_parse_scanned(const char *text, size_t len, unsigned traits);

/*
 * Returns why parsers may read a text differently, a constant: an object has a key twice, or a
 * string an escape of NUL or of half a surrogate pair. NULL if they do not. tree is that of the
 * text, as json_parse_scanned() returns it, and traits are those of the text.
 */
const char *json_ambiguity(const cJSON *tree, unsigned traits);

/*
 * Returns the member of object with this name, compared case-sensitively; NULL if there is none, or
 * object is NULL or not an object.
 */
const cJSON *json_member(const cJSON *object, const char *name);

/* Sets *member as json_member() returns it. Returns false if several members have this name. */
bool json_member_once(const cJSON *object, const char *name, const cJSON **member);

/* Returns the text of the member with this name; NULL if there is none or it is not a string. */
const char *json_member_text(const cJSON *object, const char *name);

/*
 * Reads value, which one of the functions above has parsed, or NULL. Returns true, with the integer
 * in *integer, if it is a number whose exact value is an integer from least to most, which have 18
 * digits at most: 1.0 and 10e-1 are 1, and 0.99999999999999999999 is not.
 */
bool json_integer(const cJSON *value, int64_t least, int64_t most, int64_t *integer);

/*
 * Copies text[0..len), which must be valid JSON, into the buffer to, leaving out white space
 * between tokens. to has room for len bytes, or is text itself. Returns the length of the copy; it
 * does not end in a NUL.
 */
size_t json_compact_to(char *to, const char *text, size_t len);

/* Removes white space between tokens in place, as json_compact_to(). Returns the new length. */
size_t json_compact(char *text, size_t len);

/*
 * Returns text[0..len), which must be valid JSON, on one line and safe for a terminal: with spaces
 * for line breaks and tabs between tokens, and \uXXXX for text_is_control() characters. It ends in
 * a NUL; *shown_len is its length. Free with free().
 */
char *json_shown(const char *text, size_t len, size_t *shown_len);

/*
 * Returns where in text[0..len) the value of the member with this name starts, with its length in
 * *value_len. text must be an object that json_check() or json_parse() has accepted: anything else
 * is read out of bounds. Returns NULL if there is no such member, or its key is written with an
 * escape; of several, returns the first.
 */
const char *json_member_raw(const char *text, size_t len, const char *name, size_t *value_len);

/* Sorts the members of object by name; members with the same name keep their order. */
void json_sort_object(cJSON *object);

/* Returns made, the result of a cJSON function that allocates; ends the program if it is NULL. */
void *json_need(void *made);

/* Adds value, a node or NULL as a cJSON function has made it, as a member to object. */
void json_add(cJSON *object, const char *name, cJSON *value);

/* Adds a member to object: a string, or null if text is NULL. */
void json_add_text(cJSON *object, const char *name, const char *text);

/* Returns tree as one line of JSON. Free with cJSON_free(). */
char *json_print(const cJSON *tree);

#endif
