/*
 * fields: the members that orders and events have in common. For order.c and event.c alone.
 *
 * Every function returns false, with the reason in fault, for what it does not take.
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
 * Parses text of at most max bytes into order->tree, a JSON object; a byte order mark before it is
 * skipped. The rest of order is zeroed. The caller frees it with order_free(), also on failure.
 */
bool order_read_tree(struct order *order, const char *text, size_t len, size_t max,
                     struct order_fault *fault);

/* For a tree that is not an object: says what it is, and returns false. */
bool order_refuse_kind(const cJSON *tree, struct order_fault *fault);

/*
 * Reads a member that must be there once, a string of 1 to max bytes without control characters.
 * *text is valid as long as the tree.
 */
bool order_read_text(const cJSON *tree, const char *name, size_t max, const char **text,
                     struct order_fault *fault);

/* Reads user_id, restaurant_id and items. */
bool order_read_body(struct order *order, struct order_fault *fault);

#endif
