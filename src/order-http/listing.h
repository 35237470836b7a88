/*
 * listing: orders as one JSON text, read from the store piece by piece:
 *
 *   {"orders": [
 *   {"order_id": "...", "status": "...", "data": {...}, "placed_at": "..."},
 *   ...
 *   ], "count": 2}
 *
 * However many there are, no more than one of them is in memory. The store is locked for no longer
 * than a call takes; orders that are stored between two calls are in the list.
 */
#ifndef ORDER_HTTP_LISTING_H
#define ORDER_HTTP_LISTING_H

#include "answer.h"

#include "base/report.h"
#include "base/uuid.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listing;

/*
 * Returns a list of the orders whose key is above after; with only, of those of that status. orders
 * must outlive it. Free it with listing_free().
 */
struct listing *listing_new(struct orders *orders, const enum order_status *only, int64_t after);

void listing_free(struct listing *listing);

/*
 * Ends the list after limit orders, before its first byte is read. Sets *more to whether others
 * follow then; and last to the id of the last one in the list, if there is any. Returns EXIT_OK or
 * EXIT_STORE.
 */
enum exit_code listing_limit(struct listing *listing, size_t limit, bool *more,
                             unsigned char last[UUID_BYTES]);

/*
 * Reads the next bytes of the text into buffer[0..max). Returns how many, at least 1; ANSWER_END
 * after the last; or ANSWER_BROKEN, reported, if the store failed: the text stays incomplete.
 */
ssize_t listing_read(struct listing *listing, char *buffer, size_t max);

#endif
