/*
 * publisher_returned: a message that the broker returns (basic.return) because no queue takes it,
 * put together from its frames.
 *
 * A returned message does not say which of those in flight it was: it is found by its content.
 */
#ifndef AMQP_PUBLISHER_RETURNED_H
#define AMQP_PUBLISHER_RETURNED_H

#include "amqp/publisher_window.h"
#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed to begin with. */
struct returned {
    bool is_awaited; /* basic.return has come; header and body follow */
    bool has_header;
    amqp_bytes_t exchange; /* owned, like the next three */
    amqp_bytes_t routing_key;
    amqp_bytes_t properties; /* encoded */
    char *body;
    size_t body_size;
    size_t received;  /* bytes of the body */
    char reason[256]; /* the broker's, fit to be shown */
};

/* Begins a message. */
void returned_start(struct returned *returned, const amqp_basic_return_t *method);

/* Adds a header or body frame. Returns true once the message is complete. */
bool returned_add(struct returned *returned, const amqp_frame_t *frame);

/*
 * Returns whether the message in slot is in flight and has the same exchange, routing key and body;
 * and, if by_properties, the same properties.
 */
bool returned_is(const struct returned *returned, const struct slot *slot, bool by_properties);

/* Frees what belongs to the message, and zeroes *returned. */
void returned_forget(struct returned *returned);

#endif
