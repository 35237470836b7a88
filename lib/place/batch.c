#include "place/batch.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/uuid.h"
#include "json/json.h"
#include "order/event.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES ((size_t)4 << 20)

static char *event_of(const struct order *order, const unsigned char *id, int64_t placed_at)
{
    char order_id[UUID_TEXT_SIZE];

    uuid_to_text(id, order_id);
    return event_print(order, EVENT_PLACED, order_id, placed_at, NULL);
}

char *batch_stored_event(const struct stored_order *stored)
{
    struct order order;
    struct order_fault fault;
    char *event;

    if (!order_read_stored(&order, stored->data, stored->data_len, &fault))
        die(EXIT_STORE, "the store holds an order that is none: %s", fault.reason);
    event = event_of(&order, stored->id, stored->placed_at);
    order_free(&order);
    return event;
}

bool batch_has_room(const struct batch *batch)
{
    return batch->count < BATCH_MAX && batch->bytes < BATCH_BYTES;
}

/* Sets the id under which an order is stored. Returns whether another order may have it. */
static bool choose_id(const struct order *order, const unsigned char *given, unsigned char *id)
{
    if (given != NULL)
        memcpy(id, given, UUID_BYTES);
    else if (order->order_id == NULL)
        order_id_mint(id);
    else if (!uuid_from_text(order->order_id, id))
        die(EXIT_BUG, "an order_id that was checked and is no UUID");
    return given != NULL || order->order_id != NULL;
}

void batch_add(struct batch *batch, const struct order *order, const unsigned char *id,
               const char *trace, const struct json_piece *piece)
{
    struct stored_order *stored = &batch->orders[batch->count];
    struct candidate *candidate = &batch->candidates[batch->count++];
    char *data = xmalloc(piece->len);

    *candidate = (struct candidate){.number = piece->number, .line = piece->line};
    if (choose_id(order, id, stored->id)) {
        candidate->raw = xmemdup_text(piece->text, piece->len);
        candidate->raw_len = piece->len;
    }
    stored->data = data;
    stored->data_len = json_compact_to(data, piece->text, piece->len);
    stored->placed_at = clock_utc_ms();
    stored->trace = trace == NULL ? NULL : xstrdup(trace);
    candidate->event = event_of(order, stored->id, stored->placed_at);
    batch->bytes += stored->data_len * 2;
}

bool batch_some_to_publish(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->candidates[i].publish)
            return true;
    return false;
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->candidates[i].raw);
        free((char *)batch->orders[i].data);
        free((char *)batch->orders[i].trace);
        free(batch->candidates[i].event);
    }
    batch->count = 0;
    batch->bytes = 0;
}
