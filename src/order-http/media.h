/*
 * media: the types of what is sent and wanted (RFC 9110, Content-Type and Accept).
 */
#ifndef ORDER_HTTP_MEDIA_H
#define ORDER_HTTP_MEDIA_H

#include <stdbool.h>

/* Returns whether a Content-Type is application/json, in UTF-8 if it names a charset. Takes "utf8",
 * too, which is not registered, but common. */
bool media_is_json(const char *content_type);

/*
 * Returns whether the value of a field Accept, which may be NULL, takes a type, given with or
 * without parameters. Of two ranges that match, the more exact one counts.
 */
bool media_accepts(const char *accept, const char *type);

/* Returns whether a list, separated by commas, has no other elements than a word, in any case. */
bool media_is_only(const char *list, const char *word);

#endif
