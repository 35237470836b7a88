/*
 * holding: what a reserved order holds until it ends, and the events of its end.
 *
 * It is recorded as a line of JSON, {items, contact}: items has {sku, qty} for each sku that is
 * limited, each once, and contact is that of the order, if it has one.
 */
#ifndef STOCK_HOLDING_H
#define STOCK_HOLDING_H

#include "order/order.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct holding {
    bool is_known; /* what the order holds is on record */
    struct order_item *items;
    size_t item_count;
    const char *text; /* private, like all below: as it was recorded */
    cJSON *tree;
};

/* Returns what is to be recorded, to be freed with free(); NULL if there is nothing. contact is
 * JSON, or NULL. */
char *holding_print(const struct order_item *items, size_t count, const char *contact);

/*
 * Reads what was recorded: text, which must outlive the holding, or NULL for nothing. Without
 * is_known it is not known what the order holds, and nothing is read. A text that a person has
 * spoilt counts as that, too. Free it with holding_free().
 */
void holding_read(struct holding *holding, bool is_known, const char *text);

void holding_free(struct holding *holding);

/*
 * Returns the event of an order's end, of this type, as one line of JSON; free it with free(). It
 * has the items, unless it is not known what the order holds, and the contact. reason may be NULL.
 * ts_ms is its time, as of clock_utc_ms().
 */
char *holding_event(const struct holding *holding, const char *type, const char *order_id,
                    const char *reason, int64_t ts_ms);

#endif
