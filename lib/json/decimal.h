/*
 * decimal: exact values of JSON numbers, whose digits and exponents may be of any length.
 *
 * The functions need a valid JSON number: as json_scan accepts it.
 */
#ifndef JSON_DECIMAL_H
#define JSON_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the length of the number at the start of text[0..len). */
size_t decimal_length(const char *text, size_t len);

/*
 * Reads number[0..len) into *integer. Returns false, with *integer unspecified, unless its value is
 * an integer of at most 18 digits, in whatever way it is written: 1.0 and 10e-1 are 1.
 */
bool decimal_integer(const char *number, size_t len, int64_t *integer);

/* The size of a buffer for decimal_canonical(), for a number of len bytes. */
#define DECIMAL_CANONICAL_MAX(len) ((len) + 32)

/*
 * Writes number[0..len) to canonical in a form that all numbers of equal value share: "0", or the
 * digits without zeros at either end, then "e" and a power of ten. Returns its length; it does not
 * end in a NUL.
 */
size_t decimal_canonical(const char *number, size_t len, char *canonical);

#endif
