#include "amqp/consumer_arrivals.h"

#include "base/memory.h"

#include <stdlib.h>

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

void arrivals_start(struct arrivals *arrivals, const amqp_basic_deliver_t *method,
                    unsigned generation)
{
    struct delivery *delivery = new_delivery(arrivals);

    if (arrivals->arriving != NULL)
        arrivals_recycle(arrivals, arrivals->arriving);
    arrivals->arriving = delivery;
    delivery->tag = method->delivery_tag;
    delivery->generation = generation;
    delivery->redelivered = method->redelivered != 0;
    delivery_begin(delivery, method->exchange, method->routing_key);
}

void arrivals_add(struct arrivals *arrivals, const amqp_frame_t *frame)
{
    struct delivery *delivery = arrivals->arriving;

    if (delivery == NULL || !delivery_add(delivery, frame, arrivals->max_body))
        return;
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
