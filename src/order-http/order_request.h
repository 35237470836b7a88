/*
 * order_request: reads what POST /order was sent: the field Idempotency-Key and the order.
 *
 * Each function returns false with the request's answer filled in if the order cannot be placed.
 */
#ifndef ORDER_HTTP_ORDER_REQUEST_H
#define ORDER_HTTP_ORDER_REQUEST_H

#include "request.h"

#include "base/uuid.h"
#include "order/order.h"

#include <stdbool.h>

#define ORDER_KEY_FIELD "Idempotency-Key"

/* Reads the field. Sets *has_key to whether there is one, and id to that of its order. */
bool order_request_read_key(struct request *request, bool *has_key, unsigned char id[UUID_BYTES]);

/* Reads the order, which must be zeroed, of a request with or without a key. It is to be freed with
 * order_free(), even after a failure. */
bool order_request_read(struct request *request, bool has_key, struct order *order);

#endif
