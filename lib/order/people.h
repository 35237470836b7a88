/*
 * people: whom a stored order is about.
 */
#ifndef ORDER_PEOPLE_H
#define ORDER_PEOPLE_H

#include "order/order.h"

#include <stddef.h>

/*
 * Reads user_id and restaurant_id of data[0..len), an order as it was stored, with a NUL after
 * each. One that is missing, or cannot be one, is "". data may be anything.
 */
void people_read(const char *data, size_t len, char user_id[ORDER_MAX_TEXT + 1],
                 char restaurant_id[ORDER_MAX_TEXT + 1]);

#endif
