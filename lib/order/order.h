/*
 * order: reads and compares orders as order-place takes them.
 *
 * An order is {user_id, restaurant_id, items} and optionally order_id, a UUID, and contact, a
 * string or an object that says how its customer is reached; an item is {sku, qty}. Each of these
 * members must be there once, with a valid value. Other members may be any JSON and are ignored.
 */
#ifndef ORDER_ORDER_H
#define ORDER_ORDER_H

#include "json/stream.h"

#include <stdbool.h>
#include <stddef.h>

#define ORDER_MAX_SIZE ((size_t)1 << 20) /* bytes of an order as it is placed */
#define ORDER_MAX_TEXT 256               /* bytes of user_id, restaurant_id and sku */
#define ORDER_MAX_ITEMS 1000
#define ORDER_MAX_QTY 1000000
#define ORDER_MAX_CONTACT 1024 /* bytes of the contact as JSON */
#define ORDER_MAX_ID 128       /* bytes of an order_id from another producer */

struct order_item {
    const char *sku;
    int qty;
};

struct order {
    const char *order_id; /* NULL if the order came without */
    const char *user_id;
    const char *restaurant_id;
    struct order_item *items;
    size_t item_count;
    char *contact; /* as JSON without white space or control characters; NULL if there is none */
    char *texts;   /* private: holds the texts above */
};

/*
 * Why a text is not an order or event: one line, safe to show. That of a JSON object begins with
 * the member at fault: "items[2].qty is not a number".
 */
struct order_fault {
    char reason[640];
    bool is_json; /* set by order_read(): the text is JSON, and no order */
};

/* Returns the length of the member at fault with which reason, that of a fault, begins; 0 if the
 * reason is about the whole. */
size_t order_fault_member(const char *reason);

/*
 * Reads text[0..len) into *order; free it with order_free(). Returns false, with the reason in
 * *fault and nothing to free, if it is not an order or has more than ORDER_MAX_SIZE bytes. The text
 * may be anything.
 */
bool order_read(struct order *order, const char *text, size_t len, struct order_fault *fault);

/*
 * As order_read(), for a JSON_STREAM_VALUE of a json_stream whose max is ORDER_MAX_SIZE. The text
 * is not checked again.
 */
bool order_read_piece(struct order *order, const struct json_piece *piece,
                      struct order_fault *fault);

/*
 * As order_read(), for an order that was stored. A contact that order_read() would refuse is left
 * out: earlier versions accepted any.
 */
bool order_read_stored(struct order *order, const char *text, size_t len,
                       struct order_fault *fault);

/* Frees what *order holds and zeroes it. A zeroed order may be freed. */
void order_free(struct order *order);

/*
 * Returns true if a[0..a_len) and b[0..b_len), which order_read() accepts, have the same content.
 * White space, the order of members and order_id make no difference; numbers are compared by their
 * exact values.
 */
bool order_same(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
