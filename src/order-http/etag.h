/*
 * etag: the entity tag (RFC 9110, section 8.8.3) of an order as it is shown.
 */
#ifndef ORDER_HTTP_ETAG_H
#define ORDER_HTTP_ETAG_H

#include "store/orders.h"

#include <stdbool.h>

#define ETAG_SIZE 64

/*
 * Writes the strong tag of order, with its quotes. The content of an order never changes under its
 * id and the time it was stored; its status does, and what of its life is known. So these are the
 * tag, and no byte of the content is read.
 */
void etag_of(const struct stored_order *order, char etag[ETAG_SIZE]);

/*
 * Returns whether the value of a header If-None-Match names etag: "*", or a list with that tag,
 * weak or strong. What is not such a list names nothing.
 */
bool etag_is_in(const char *etag, const char *list);

#endif
