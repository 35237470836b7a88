#include "amqp/delivery.h"

#include "base/memory.h"

#include <string.h>

static void add_bytes(struct delivery *delivery, const void *bytes, size_t len)
{
    if (delivery->used + len > delivery->capacity) {
        size_t capacity = delivery->capacity < 512 ? 1024 : delivery->capacity * 2;

        delivery->capacity = delivery->used + len > capacity ? delivery->used + len : capacity;
        delivery->memory = xrealloc(delivery->memory, delivery->capacity);
    }
    if (len > 0)
        memcpy(delivery->memory + delivery->used, bytes, len);
    delivery->used += len;
}

void delivery_begin(struct delivery *delivery, amqp_bytes_t exchange, amqp_bytes_t routing_key)
{
    delivery->used = 0;
    delivery->received = 0;
    delivery->has_header = false;
    /* Lengths only: the memory moves while it grows. */
    delivery->exchange.len = exchange.len;
    delivery->routing_key.len = routing_key.len;
    add_bytes(delivery, exchange.bytes, exchange.len);
    add_bytes(delivery, routing_key.bytes, routing_key.len);
}

static void finish(struct delivery *delivery)
{
    char *at = delivery->memory;

    delivery->has_header = false;
    delivery->exchange.bytes = at;
    delivery->routing_key.bytes = at + delivery->exchange.len;
    delivery->properties.bytes = at + delivery->exchange.len + delivery->routing_key.len;
    delivery->body.bytes = (char *)delivery->properties.bytes + delivery->properties.len;
    delivery->body.len = delivery->used - (size_t)((char *)delivery->body.bytes - at);
}

bool delivery_add(struct delivery *delivery, const amqp_frame_t *frame, size_t max_body)
{
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        delivery->has_header = true;
        delivery->body_size = frame->payload.properties.body_size;
        delivery->properties.len = frame->payload.properties.raw.len;
        add_bytes(delivery, frame->payload.properties.raw.bytes, frame->payload.properties.raw.len);
    } else if (frame->frame_type == AMQP_FRAME_BODY && delivery->has_header) {
        amqp_bytes_t part = frame->payload.body_fragment;
        uint64_t left = delivery->received < max_body ? max_body - delivery->received : 0;

        add_bytes(delivery, part.bytes, part.len < left ? part.len : (size_t)left);
        delivery->received += part.len;
    }
    if (!delivery->has_header || delivery->received < delivery->body_size)
        return false;
    finish(delivery);
    return true;
}

const amqp_basic_properties_t *delivery_properties(const struct delivery *delivery,
                                                   amqp_pool_t *pool)
{
    void *decoded;

    if (amqp_decode_properties(AMQP_BASIC_CLASS, pool, delivery->properties, &decoded) < 0)
        return NULL;
    return decoded;
}
