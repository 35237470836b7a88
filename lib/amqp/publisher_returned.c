#include "amqp/publisher_returned.h"

#include "amqp/bytes.h"
#include "amqp/properties.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static amqp_bytes_t copy_bytes(amqp_bytes_t bytes)
{
    amqp_bytes_t copy = amqp_bytes_malloc_dup(bytes);

    if (copy.bytes == NULL && bytes.len > 0)
        die_no_memory();
    return copy;
}

void returned_start(struct returned *returned, const amqp_basic_return_t *method)
{
    returned_forget(returned);
    returned->is_awaited = true;
    returned->exchange = copy_bytes(method->exchange);
    returned->routing_key = copy_bytes(method->routing_key);
    (void)snprintf(returned->reason, sizeof returned->reason, "%d %s", method->reply_code,
                   printable_up_to(200, method->reply_text.bytes, method->reply_text.len));
}

bool returned_add(struct returned *returned, const amqp_frame_t *frame)
{
    if (!returned->is_awaited)
        return false;
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        returned->has_header = true;
        returned->properties = copy_bytes(frame->payload.properties.raw);
        returned->body_size = (size_t)frame->payload.properties.body_size;
        returned->body = xcalloc(returned->body_size + 1, 1);
    } else if (returned->has_header) {
        amqp_bytes_t part = frame->payload.body_fragment;
        size_t room = returned->body_size - returned->received;
        size_t len = part.len < room ? part.len : room;

        memcpy(returned->body + returned->received, part.bytes, len);
        returned->received += len;
    }
    return returned->has_header && returned->received == returned->body_size;
}

bool returned_is(const struct returned *returned, const struct slot *slot, bool by_properties)
{
    const amqp_bytes_t body = {.len = returned->body_size, .bytes = returned->body};

    return slot_is_in_flight(slot) && bytes_equal(slot->body, body) &&
           bytes_equal(slot->routing_key, returned->routing_key) &&
           bytes_equal(slot->exchange, returned->exchange) &&
           (!by_properties || properties_are_alike(slot->properties, returned->properties));
}

void returned_forget(struct returned *returned)
{
    amqp_bytes_free(returned->exchange);
    amqp_bytes_free(returned->routing_key);
    amqp_bytes_free(returned->properties);
    free(returned->body);
    memset(returned, 0, sizeof *returned);
}
