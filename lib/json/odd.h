/*
 * json_odd: valid JSON that cJSON cannot read: it cuts strings at an escaped NUL, fails on an
 * unpaired surrogate, and has a fixed buffer for numbers.
 */
#ifndef JSON_ODD_H
#define JSON_ODD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns the length of the escape that starts at text[at], within a string of valid JSON: 2 or 6
 * bytes, or 12 for a surrogate pair. Sets *odd if it is a NUL or an unpaired surrogate.
 */
size_t json_escape(const char *text, size_t at, bool *odd);

/*
 * Returns a copy of text[0..len), valid JSON, that cJSON can read, of the same length. It has
 * \u0001 for an escaped NUL, \u001a (JSON_HALF) for an unpaired surrogate, and 0 with spaces for a
 * number of more than JSON_SHORT_NUMBER characters. Free with free().
 */
char *json_tamed(const char *text, size_t len);

#endif
