/*
 * order_line: a stored order as one line of JSON:
 *
 *   {"order_id": "...", "status": "PLACED", "data": {...}, "placed_at": "..."}
 *
 * with what became of it behind: "reserved_at", "failed_at", "cancelled_at" and "handed_over_at",
 * those that are known, and "reason" of an order that failed or was cancelled.
 *
 * Its data is as it was stored: strict JSON, which may hold text that disturbs a terminal.
 */
#ifndef STORE_ORDER_LINE_H
#define STORE_ORDER_LINE_H

#include "store/orders.h"

#include <stddef.h>

/* Returns the size of a buffer that holds the line of order, with its NUL. */
size_t order_line_size(const struct stored_order *order);

/* Writes the line, without a line break, into line, of order_line_size(). Returns its length. */
size_t order_line(const struct stored_order *order, char *line);

#endif
