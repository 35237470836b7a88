/*
 * token: the secrets by which clients are let in (RFC 6750, bearer tokens).
 */
#ifndef ORDER_HTTP_TOKEN_H
#define ORDER_HTTP_TOKEN_H

#include "base/report.h"

#include <stdbool.h>

/*
 * Reads tokens from the file at path, one a line, each of 16 to 512 characters that a bearer token
 * may have. Returns EXIT_OK; or EXIT_LOGIN, reported, if the file cannot be read, is accessible to
 * others than its owner, or holds something else: then the tokens that were read before stay. Free
 * with token_forget().
 */
enum exit_code token_load(const char *path);

/*
 * Returns whether the value of the field Authorization, which may be NULL, has one of the tokens;
 * true without tokens. The time that it takes does not depend on how much of a token is right.
 */
bool token_allows(const char *authorization);

/* Overwrites and frees the tokens. */
void token_forget(void);

#endif
