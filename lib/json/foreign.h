/*
 * foreign: what bytes are that should be JSON and are not, for messages that help whoever sent
 * them.
 */
#ifndef JSON_FOREIGN_H
#define JSON_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

struct foreign {
    const char *what; /* "gzip data" */
    const char *help; /* what makes JSON of it, as the end of a sentence */
};

/*
 * Is this, by its first bytes, of a format that JSON in UTF-8 cannot be mistaken for: other
 * encodings, compressed data, a script? NULL if not, or if it is too short to tell.
 */
const struct foreign *foreign_format(const char *bytes, size_t len);

/* May foreign_format() say more once there are more bytes? */
bool foreign_needs_more(const char *bytes, size_t len);

/* What bytes probably are that do not even start like JSON: "MessagePack". NULL if they look like
 * nothing in particular. */
const char *foreign_guess(const char *bytes, size_t len);

/* How many bytes a byte order mark takes at the start of a text in UTF-8: 3, or 0 if there is none.
 */
size_t foreign_mark(const char *bytes, size_t len);

#endif
