#include "amqp/publisher_returned.h"

#include "amqp/bytes.h"
#include "amqp/properties.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void returned_start(struct returned *returned, const amqp_basic_return_t *method)
{
    returned->is_awaited = true;
    delivery_begin(&returned->message, method->exchange, method->routing_key);
    (void)snprintf(returned->reason, sizeof returned->reason, "%d %s", method->reply_code,
                   printable_up_to(200, method->reply_text.bytes, method->reply_text.len));
}

bool returned_add(struct returned *returned, const amqp_frame_t *frame)
{
    return returned->is_awaited && delivery_add(&returned->message, frame, SIZE_MAX);
}

bool returned_is(const struct returned *returned, const struct slot *slot, bool by_properties)
{
    const struct delivery *message = &returned->message;

    return slot_is_in_flight(slot) && bytes_equal(slot->message.body, message->body) &&
           bytes_equal(slot->message.routing_key, message->routing_key) &&
           bytes_equal(slot->message.exchange, message->exchange) &&
           (!by_properties || properties_are_alike(slot->message.properties, message->properties));
}

void returned_forget(struct returned *returned)
{
    free(returned->message.memory);
    *returned = (struct returned){.is_awaited = false};
}
