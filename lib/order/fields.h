/*
 * fields: reads the members that orders and events share. For this folder only.
 *
 * Every function that can refuse returns false, with the reason in reader->fault.
 */
#ifndef ORDER_FIELDS_H
#define ORDER_FIELDS_H

#include "base/report.h"
#include "json/walk.h"
#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>

enum { EVENT_TYPE, ORDER_ID, USER_ID, RESTAURANT_ID, ITEMS, CONTACT, ORDER_FIELDS };

/* An order or event while it is read. */
struct order_reader {
    struct order *order;
    struct order_fault *fault;
    const char *object;                     /* its text */
    struct json_field fields[ORDER_FIELDS]; /* the members of object */
    char *room;                             /* in order->texts, for the next text */
};

/* Writes the reason to *fault and returns false. */
bool order_refuse(struct order_fault *fault, const char *format, ...) REPORT_FORMAT(2, 3);

/*
 * Checks text[0..len) and starts to read it into the order that reader names; the rest of reader is
 * set here. Refuses more than max bytes, and anything but a JSON object; skips a byte order mark.
 * Free the order with order_free(), also on failure.
 */
bool order_open(struct order_reader *reader, const char *text, size_t len, size_t max);

/* As order_open(), for one valid JSON value without white space before it. */
bool order_open_scanned(struct order_reader *reader, const char *text, size_t len);

/*
 * Reads field, a member of object that must be there once: a string of 1 to max bytes without
 * control characters. *text is valid as long as the order.
 */
bool order_read_text(struct order_reader *reader, const char *object,
                     const struct json_field *field, size_t max, const char **text);

/* Reads user_id, restaurant_id and items. */
bool order_read_body(struct order_reader *reader);

#endif
