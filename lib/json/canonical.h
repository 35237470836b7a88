/*
 * json_canonical: do two JSON texts have the same content?
 */
#ifndef JSON_CANONICAL_H
#define JSON_CANONICAL_H

#include <stddef.h>

enum json_numbers {
    JSON_NUMBERS_AS_WRITTEN, /* 1 is not 1.0 */
    JSON_NUMBERS_BY_VALUE    /* 1 is 1.0 and 10e-1, and 0 is -0; whatever their length, nothing is
                                rounded */
};

/*
 * Returns a text that two JSON texts have in common if, and only if, they have the same content,
 * whatever their white space, their escapes and the order of members; those of equal keys keep
 * theirs. Of an object the member named without, unless that is NULL, does not count. To be freed
 * with cJSON_free(); NULL if the text is not JSON.
 */
char *json_canonical(const char *text, size_t len, const char *without, enum json_numbers numbers);

#endif
