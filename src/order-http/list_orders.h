/*
 * list_orders: GET /orders?after=ORDER_ID&limit=N&status=STATUS: orders in the order of storing, as
 * listing.h writes them, read from the store while they are sent.
 *
 *   200  with a limit and more orders after it, with Link: <...>; rel="next"
 *   400  a parameter is unknown, wrong or there twice, or there is no order that after names
 *   503  the store cannot be read; if that happens later, the connection is cut
 */
#ifndef ORDER_HTTP_LIST_ORDERS_H
#define ORDER_HTTP_LIST_ORDERS_H

#include "service.h"

handler list_orders;

#endif
