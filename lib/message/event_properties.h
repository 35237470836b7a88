/* event_properties: the AMQP properties of the events that the workflow's programs publish. */
#ifndef MESSAGE_EVENT_PROPERTIES_H
#define MESSAGE_EVENT_PROPERTIES_H

#include "amqp/rabbitmq.h"

/*
 * Fills in the properties of an event: JSON, persistent, published by this program now. message_id
 * is that of uuid.h for the order and the event type. The three texts must outlive *properties.
 */
void event_properties(amqp_basic_properties_t *properties, const char *event_type,
                      const char *order_id, const char *message_id);

#endif
