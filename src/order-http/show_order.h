/*
 * show_order: GET /order/ID: one order, as order_line.h prints it.
 *
 *   200  with its ETag; the body ends with a line break
 *   304  If-None-Match names that ETag
 *   404  there is no such order, or ID is not a UUID
 *   503  the store cannot be read
 */
#ifndef ORDER_HTTP_SHOW_ORDER_H
#define ORDER_HTTP_SHOW_ORDER_H

#include "service.h"

handler show_order;

#endif
