/*
 * json_walk: reads members and elements out of a JSON text in place, without a tree, for hot paths.
 *
 * A value is a pointer to its first byte, in a text that json_check() (json.h), json_scan or
 * json_stream has accepted; anything else is read out of bounds. A number, true, false or null must
 * be a member or an element, not the whole text: its end is found by the byte after it.
 */
#ifndef JSON_WALK_H
#define JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

/* A member to look for. */
struct json_field {
    const char *name;  /* ASCII, at most JSON_FIELD_MAX bytes */
    const char *value; /* of the first member with this name; NULL if there is none */
    bool is_twice;     /* there is another member with this name */
};

#define JSON_FIELD_MAX 32

/*
 * Looks for fields[0..count) among the members of object, in one pass. Sets value and is_twice of
 * each. A key that is written with escapes is found as well. Returns the end of object.
 */
const char *json_walk_object(const char *object, struct json_field *fields, size_t count);

/*
 * Returns the value of a member, or NULL if there are no more; *key[0..*key_len) is its name as it
 * is written, with quotation marks. at is the object itself for the first member, and otherwise the
 * end of the value before, as json_walk_past() returns it.
 */
const char *json_walk_member(const char *at, const char **key, size_t *key_len);

/*
 * Returns an element of an array: the first if at is the array itself, and the next if at is the
 * end of an element, as json_walk_past() returns it. Returns NULL if there are no more.
 */
const char *json_walk_element(const char *at);

/* Returns the end of value: the byte after its last. */
const char *json_walk_past(const char *value);

/*
 * Decodes string, a value that is one, into text with a NUL after it. Returns where that NUL is.
 * text needs room for as many bytes as string has, quotation marks included. U+0001 stands for NUL,
 * and JSON_HALF (json.h) for an unpaired surrogate.
 */
char *json_walk_text(const char *string, char *text);

#endif
