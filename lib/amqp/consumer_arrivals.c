#include "amqp/consumer_arrivals.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES 16384 /* memory of a delivery that is kept for the next one, at most */
#define FULL_BYTES ((size_t)16 << 20)

void arrivals_free(struct arrivals *arrivals)
{
    while (arrivals->newest != NULL) {
        struct delivery *older = arrivals->newest->older;

        free(arrivals->newest->memory);
        free(arrivals->newest);
        arrivals->newest = older;
    }
}

bool arrivals_are_full(const struct arrivals *arrivals)
{
    return arrivals->bytes >= FULL_BYTES;
}

static struct delivery *new_delivery(struct arrivals *arrivals)
{
    struct delivery *delivery = arrivals->spare;

    if (delivery == NULL) {
        delivery = xcalloc(1, sizeof *delivery);
        delivery->older = arrivals->newest;
        arrivals->newest = delivery;
        return delivery;
    }
    arrivals->spare = delivery->next;
    *delivery = (struct delivery){
        .memory = delivery->memory, .capacity = delivery->capacity, .older = delivery->older};
    return delivery;
}

void arrivals_recycle(struct arrivals *arrivals, struct delivery *delivery)
{
    if (delivery->capacity > KEPT_BYTES) {
        free(delivery->memory);
        delivery->memory = NULL;
        delivery->capacity = 0;
    }
    delivery->next = arrivals->spare;
    arrivals->spare = delivery;
}

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

void arrivals_start(struct arrivals *arrivals, const amqp_basic_deliver_t *method,
                    unsigned generation)
{
    struct delivery *delivery = new_delivery(arrivals);

    if (arrivals->arriving != NULL)
        arrivals_recycle(arrivals, arrivals->arriving);
    arrivals->arriving = delivery;
    arrivals->has_header = false;
    arrivals->received = 0;
    delivery->tag = method->delivery_tag;
    delivery->generation = generation;
    delivery->redelivered = method->redelivered != 0;
    /* Lengths only: the memory moves while it grows. */
    delivery->exchange.len = method->exchange.len;
    delivery->routing_key.len = method->routing_key.len;
    add_bytes(delivery, method->exchange.bytes, method->exchange.len);
    add_bytes(delivery, method->routing_key.bytes, method->routing_key.len);
}

static void finish(struct arrivals *arrivals)
{
    struct delivery *delivery = arrivals->arriving;
    char *at = delivery->memory;

    delivery->exchange.bytes = at;
    delivery->routing_key.bytes = at + delivery->exchange.len;
    delivery->properties.bytes = at + delivery->exchange.len + delivery->routing_key.len;
    delivery->body.bytes = (char *)delivery->properties.bytes + delivery->properties.len;
    delivery->body.len = delivery->used - (size_t)((char *)delivery->body.bytes - at);
    delivery->next = NULL;
    if (arrivals->last != NULL)
        arrivals->last->next = delivery;
    else
        arrivals->first = delivery;
    arrivals->last = delivery;
    arrivals->count++;
    arrivals->bytes += delivery->used;
    arrivals->arriving = NULL;
}

static void add_body_part(struct arrivals *arrivals, amqp_bytes_t part)
{
    uint64_t left =
        arrivals->received < arrivals->max_body ? arrivals->max_body - arrivals->received : 0;

    add_bytes(arrivals->arriving, part.bytes, part.len < left ? part.len : (size_t)left);
    arrivals->received += part.len;
}

void arrivals_add(struct arrivals *arrivals, const amqp_frame_t *frame)
{
    struct delivery *delivery = arrivals->arriving;

    if (delivery == NULL)
        return;
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        arrivals->has_header = true;
        delivery->body_size = frame->payload.properties.body_size;
        delivery->properties.len = frame->payload.properties.raw.len;
        add_bytes(delivery, frame->payload.properties.raw.bytes, frame->payload.properties.raw.len);
    } else if (arrivals->has_header) {
        add_body_part(arrivals, frame->payload.body_fragment);
    }
    if (arrivals->has_header && arrivals->received >= delivery->body_size)
        finish(arrivals);
}

struct delivery *arrivals_take(struct arrivals *arrivals)
{
    struct delivery *delivery = arrivals->first;

    arrivals->first = delivery->next;
    if (arrivals->first == NULL)
        arrivals->last = NULL;
    arrivals->count--;
    arrivals->bytes -= delivery->used;
    return delivery;
}

void arrivals_drop(struct arrivals *arrivals)
{
    while (arrivals->first != NULL)
        arrivals_recycle(arrivals, arrivals_take(arrivals));
    if (arrivals->arriving != NULL)
        arrivals_recycle(arrivals, arrivals->arriving);
    arrivals->arriving = NULL;
}
