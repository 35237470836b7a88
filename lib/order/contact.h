/*
 * contact: how the customer of an order is reached, in the words of whoever placed it: a string or
 * an object, which travels along in all events. For order.c and event.c only.
 */
#ifndef ORDER_CONTACT_H
#define ORDER_CONTACT_H

#include "order/fields.h"

#include <stdbool.h>

/*
 * Reads the member contact, which may be missing, into reader->order. Returns false, with the
 * reason in reader->fault, if it is there twice, is not a string or an object, has more than
 * ORDER_MAX_CONTACT bytes, or is something that parsers read differently: an object has a key
 * twice, or a string the escape of NUL or of half a surrogate pair. A string is not empty and has
 * no control characters; strings within an object may have them.
 */
bool contact_read(struct order_reader *reader);

/* As contact_read(), but leaves out a contact that would be refused. */
void contact_read_if_sound(struct order_reader *reader);

#endif
