/*
 * event: reads and prints events, the bodies of messages.
 *
 * An event is {event_type, order_id, user_id, restaurant_id, items, ts}, an InventoryFailed also
 * has a reason, and an event about an order that has a contact has that, too. Other members may be
 * any JSON and are ignored.
 */
#ifndef ORDER_EVENT_H
#define ORDER_EVENT_H

#include "json/writer.h"
#include "order/order.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of an event: of an order and the members that are added to it. */
#define EVENT_MAX_SIZE (ORDER_MAX_SIZE + 4096)

#define EVENT_PLACED "OrderPlaced"
#define EVENT_RESERVED "InventoryReserved"
#define EVENT_FAILED "InventoryFailed"
#define EVENT_CANCELLED "OrderCancelled"
#define EVENT_RELEASED "InventoryReleased"
#define EVENT_HANDED_OVER "InventoryHandedOver"

enum event_verdict {
    EVENT_SOUND,      /* *order is set: free it with order_free() */
    EVENT_OTHER_TYPE, /* JSON with another event_type */
    EVENT_MALFORMED
};

/*
 * Reads text[0..len), an event of this type, into *order. Of an EVENT_PLACED that is all members
 * but ts and contact; a contact that order_read() would refuse is left out. Of other types order_id
 * alone is required and set. Skips a byte order mark. For all verdicts but EVENT_SOUND the reason
 * is in *fault, and nothing has to be freed.
 */
enum event_verdict event_read(struct order *order, const char *type, const char *text, size_t len,
                              struct order_fault *fault);

/*
 * Returns an event about order as one line of JSON; free it with free(). order_id is that of the
 * event: order->order_id is ignored, since an order may come without. ts_ms is the event's time, as
 * of clock_utc_ms(). reason is for EVENT_FAILED, NULL for all others. Without memory the program
 * ends with EXIT_BUG.
 */
char *event_print(const struct order *order, const char *type, const char *order_id, int64_t ts_ms,
                  const char *reason);

/*
 * The parts of which an event is printed, for one that is about less than an order. event_start()
 * starts line with type and order_id, event_add_items() appends the member items, without the comma
 * before it, and event_end() the time and the reason, unless that is NULL; it returns the event as
 * event_print() does.
 */
void event_start(struct json_writer *line, const char *type, const char *order_id);
void event_add_items(struct json_writer *line, const struct order_item *items, size_t count);
char *event_end(struct json_writer *line, int64_t ts_ms, const char *reason);

#endif
