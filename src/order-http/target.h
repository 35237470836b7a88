/*
 * target: what a request asks for, taken apart: its path, decoded, and its query.
 */
#ifndef ORDER_HTTP_TARGET_H
#define ORDER_HTTP_TARGET_H

#include <stdbool.h>

struct target {
    char *path;        /* decoded; "*" if the request is about the server as a whole */
    const char *query; /* as it came, a part of the text; NULL if there is none */
};

/*
 * Reads the target of a request: a path with or without a query, the same with "http://HOST" before
 * it, or "*". Returns NULL, with *target to be freed by target_free() and valid as long as text;
 * or the reason, a constant, why it is none: a path without a slash, characters that have to be
 * encoded, a wrong encoding, or one of NUL or of what is not UTF-8.
 */
const char *target_read(const char *text, struct target *target);

/* Returns where the path of a target that was not read begins, within text, or "/" if it has a host
 * only. What stands before the path, such as a password, is not to be logged. */
const char *target_path(const char *text);

/* Frees what *target holds and zeroes it. A zeroed target may be freed. */
void target_free(struct target *target);

/* Called for one parameter, decoded; without "=" its value is empty. Returns whether to go on. */
typedef bool target_parameter(void *context, const char *name, const char *value);

/* Calls visit for each parameter of a query, which may be NULL, until it returns false. */
void target_each_parameter(const char *query, target_parameter *visit, void *context);

#endif
