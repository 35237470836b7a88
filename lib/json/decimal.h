/*
 * decimal: the exact value of a number as JSON writes it, of whatever length, and with an exponent
 * of whatever length.
 */
#ifndef JSON_DECIMAL_H
#define JSON_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns how many bytes from the start of text belong to the number that stands there. */
size_t decimal_length(const char *text, size_t len);

/* Reads a number of JSON that is an integer of at most 18 digits, however it is written. False if
 * it is none. */
bool decimal_integer(const char *number, size_t len, int64_t *integer);

/* Bytes that decimal_canonical() may write for a number of len bytes, a NUL of snprintf() among
 * them. */
#define DECIMAL_CANONICAL_MAX(len) ((len) + 32)

/*
 * Writes a number of JSON in the one form that all numbers of equal value have: "0", or its digits
 * without zeros at either end, "e" and a power of ten. Returns the length; there is no NUL after
 * it.
 */
size_t decimal_canonical(const char *number, size_t len, char *canonical);

#endif
