/*
 * json_odd: what RFC 8259 allows and cJSON cannot hold: the escape of NUL, at which it would cut a
 * string; that of half a surrogate pair, on which it would fail; and numbers that are too long for
 * its buffer.
 */
#ifndef JSON_ODD_H
#define JSON_ODD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns the length of the escape that starts at text[at], within a string of a valid JSON text:
 * that of a surrogate pair is one of 12 bytes. *odd says whether it is one of NUL, or of half a
 * pair.
 */
size_t json_escape(const char *text, size_t at, bool *odd);

/*
 * Returns a copy of a valid JSON text that cJSON reads to the end, of the same length; to be freed.
 * In place of the escape of NUL stands \u0001, of that of half a pair \u001a (JSON_HALF), and of a
 * long number a 0 and spaces.
 */
char *json_tamed(const char *text, size_t len);

#endif
