/* foreign: recognizes data in other formats where JSON should be, for helpful messages. */
#ifndef JSON_FOREIGN_H
#define JSON_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

struct foreign {
    const char *what; /* "gzip data" */
    const char *help; /* how to make JSON of it, as the end of a sentence */
};

/*
 * Returns the format of bytes[0..len), by its first bytes, if JSON in UTF-8 cannot start like that:
 * another encoding, compressed data, a script. Returns NULL for anything else, and if there are too
 * few bytes to tell. The result is a constant.
 */
const struct foreign *foreign_format(const char *bytes, size_t len);

/* Returns true if foreign_format() might recognize bytes[0..len) with more bytes after them. */
bool foreign_needs_more(const char *bytes, size_t len);

/*
 * Returns what bytes[0..len), which are not JSON, probably are: "MessagePack", a constant. Returns
 * NULL without a good guess.
 */
const char *foreign_guess(const char *bytes, size_t len);

/* Returns the length of the UTF-8 byte order mark at the start of bytes[0..len): 3, or 0. */
size_t foreign_mark(const char *bytes, size_t len);

#endif
