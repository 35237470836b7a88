/*
 * request_check: what is checked of every request when its header is complete.
 */
#ifndef ORDER_HTTP_REQUEST_CHECK_H
#define ORDER_HTTP_REQUEST_CHECK_H

#include "request.h"

#include <stdbool.h>

#define REQUEST_HEADER_MAX 16384 /* bytes of a header with its first line */
#define REQUEST_TARGET_MAX 4096
#define REQUEST_PARAMETERS_MAX 32 /* of a query */

/*
 * Checks the size of a target, before libmicrohttpd takes it apart. Fills in the answer if it is
 * refused: 414, or 400 for too many parameters.
 */
void request_check_target_size(struct request *request);

/*
 * Checks the header of a request; sets its method, target, route and argument. If it is refused,
 * fills in the answer. Sets is_last if the connection cannot go on after this request, because
 * others may see another end of it: after a header that is refused for that, and after chunks,
 * among which libmicrohttpd takes lines that end without CR.
 *
 *   400  a header that others may read differently: two lengths, a length and an encoding, an
 *        encoding other than chunked, no Host or two, a field on two lines, a line that ends
 *        without CR, a control character, white space before a colon; a malformed target
 *   401  no token, or a wrong one
 *   404  no such path
 *   405  the path does not answer to this method
 *   406  Accept excludes what the route gives
 *   411  a POST without a length
 *   413  Content-Length is above ORDER_MAX_SIZE (order.h)
 *   415  a POST of something else than JSON in UTF-8
 *   417  Expect asks for something else than 100-continue
 *   431  the header is above REQUEST_HEADER_MAX
 *   204  OPTIONS: not a refusal, but answered here
 */
void request_check(struct request *request, const char *method, const char *version);

/* Returns whether a body follows the header of a request. */
bool request_has_body(struct request *request);

#endif
