/*
 * order: what an order is: check, read, compare.
 *
 * An order, as order-place takes it: {user_id, restaurant_id, items}, optionally with an order_id
 * that is a UUID. Only what the job needs is read, and must be sound and there once. What else
 * there is may be any JSON by RFC 8259, of any type.
 */
#ifndef ORDER_ORDER_H
#define ORDER_ORDER_H

#include "json/stream.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_MAX_SIZE ((size_t)1 << 20) /* bytes of an order as it is placed */
#define ORDER_MAX_TEXT 256               /* bytes of user_id, restaurant_id and sku */
#define ORDER_MAX_ITEMS 1000
#define ORDER_MAX_QTY 1000000
#define ORDER_MAX_ID 128 /* bytes of an order_id that others made */

struct order_item {
    const char *sku;
    int qty;
};

struct order {
    const char *order_id; /* NULL if an order came without */
    const char *user_id;
    const char *restaurant_id;
    struct order_item *items;
    size_t item_count;
    cJSON *tree;     /* owns the texts above */
    unsigned traits; /* by event_parse(): enum json_trait (json/scan.h) of the text */
};

/* Why something is no order or event: one line, safe to be shown. */
struct order_fault {
    char reason[640];
};

/*
 * Reads an order as order-place takes it. False, with the reason and nothing to free, if it is
 * none. text need not be strict JSON: that is checked too.
 */
bool order_read(struct order *order, const char *text, size_t len, struct order_fault *fault);

/* The same of a value that a json_stream of ORDER_MAX_SIZE handed out, without scanning it once
 * more. */
bool order_read_piece(struct order *order, const struct json_piece *piece,
                      struct order_fault *fault);

void order_free(struct order *order);

/*
 * Have two texts, each an order that order_read() takes, the same content? White space, the order
 * of members and order_id do not count; numbers are equal if their values are, exactly.
 */
bool order_same(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
