/*
 * fields: reads the members that orders and events share. For order.c and event.c only.
 *
 * Every function that can refuse returns false, with the reason in *fault.
 */
#ifndef ORDER_FIELDS_H
#define ORDER_FIELDS_H

#include "base/report.h"
#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the reason and returns false. */
bool order_refuse(struct order_fault *fault, const char *format, ...) REPORT_FORMAT(2, 3);

/*
 * Zeroes *order and parses text[0..len) into order->tree. Refuses more than max bytes, and anything
 * but a JSON object; skips a byte order mark. Free with order_free(), also on failure.
 */
bool order_read_tree(struct order *order, const char *text, size_t len, size_t max,
                     struct order_fault *fault);

/* Refuses tree, which is not an object, and says what it is. */
bool order_refuse_kind(const cJSON *tree, struct order_fault *fault);

/*
 * Reads the member of tree with this name, a string that must be there once: 1 to max bytes,
 * without control characters. *text is valid as long as tree.
 */
bool order_read_text(const cJSON *tree, const char *name, size_t max, const char **text,
                     struct order_fault *fault);

/* Reads user_id, restaurant_id and items from order->tree. */
bool order_read_body(struct order *order, struct order_fault *fault);

#endif
