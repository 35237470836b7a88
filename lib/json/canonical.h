/* json_canonical: compares the content of JSON texts. */
#ifndef JSON_CANONICAL_H
#define JSON_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

enum json_numbers {
    JSON_NUMBERS_AS_WRITTEN, /* 1 and 1.0 differ */
    JSON_NUMBERS_BY_VALUE    /* 1, 1.0 and 10e-1 are equal, so are 0 and -0; nothing is rounded */
};

/*
 * Returns a canonical form of text[0..len): two texts have the same one if and only if their
 * content is the same. White space, escapes and the order of members make no difference, except
 * that members of equal keys keep their order. The member of a top-level object whose key is
 * without is left out; without may be NULL and has at most 62 bytes. Returns NULL if text is not
 * JSON. Free with cJSON_free().
 */
char *json_canonical(const char *text, size_t len, const char *without, enum json_numbers numbers);

/* Returns whether a[0..a_len) and b[0..b_len) are JSON with the same canonical form. */
bool json_same(const char *a, size_t a_len, const char *b, size_t b_len, const char *without,
               enum json_numbers numbers);

#endif
