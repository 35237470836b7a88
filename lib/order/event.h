/*
 * event: what an event is: check, read, print.
 *
 * As it goes over the broker: {event_type, order_id, user_id, restaurant_id, items, ts}, with
 * reason in an InventoryFailed. What else there is may be any JSON by RFC 8259, of any type.
 */
#ifndef ORDER_EVENT_H
#define ORDER_EVENT_H

#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of an event: an order, and what is added to it. */
#define EVENT_MAX_SIZE (ORDER_MAX_SIZE + 4096)

#define EVENT_PLACED "OrderPlaced"
#define EVENT_RESERVED "InventoryReserved"
#define EVENT_FAILED "InventoryFailed"

enum event_verdict {
    EVENT_SOUND,      /* read; to be freed with order_free() */
    EVENT_OTHER_TYPE, /* sound JSON, but of another event_type than asked for */
    EVENT_MALFORMED
};

/*
 * Reads an event of the type asked for: of an EVENT_PLACED all that inventory decides by and
 * announces, of others the order_id alone. A byte order mark before it is skipped. For all but
 * EVENT_SOUND: the reason, and nothing to free.
 */
enum event_verdict event_read(struct order *order, const char *type, const char *text, size_t len,
                              struct order_fault *fault);

/*
 * The two steps of event_read(), for a caller that wants more of the text than an event, whatever
 * the verdict. event_parse() zeroes order, and parses text of at most max bytes into its tree: NULL
 * if it is not JSON or too large. Returns false, with the reason in fault, if it is not a JSON
 * object. event_check() reads order->tree, which may be of another origin than event_parse(), as
 * long as json/json.h has made it. The caller frees order with order_free() in either case.
 */
bool event_parse(struct order *order, const char *text, size_t len, size_t max,
                 struct order_fault *fault);
enum event_verdict event_check(struct order *order, const char *type, struct order_fault *fault);

/*
 * The event as one line of JSON, to be freed. ts_ms is its time; reason is NULL but for
 * InventoryFailed. order_id is given apart, since an order may have come without.
 */
char *event_print(const struct order *order, const char *type, const char *order_id, int64_t ts_ms,
                  const char *reason);

#endif
