#include "amqp/publisher_window.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX ((size_t)16 << 20) /* no further message is taken beyond this */
#define KEPT_BYTES 65536      /* memory of a message that is kept for the next one, at most */
#define PROPERTIES_BYTES 1024 /* expected of encoded properties */
#define PROPERTIES_BYTES_MAX ((size_t)4 << 20) /* larger ones fit into no frame */

void window_init(struct window *window)
{
    *window = (struct window){.limit = PUBLISHER_WINDOW};
}

void window_free(struct window *window)
{
    for (size_t i = 0; i < PUBLISHER_WINDOW; i++) {
        if (window->slots[i] != NULL) {
            free(window->slots[i]->memory);
            free(window->slots[i]->reason);
        }
        free(window->slots[i]);
    }
}

bool window_has_room(const struct window *window)
{
    return window->count < PUBLISHER_WINDOW && window->bytes < BYTES_MAX;
}

static void put(struct slot *slot, size_t *at, amqp_bytes_t *part, const void *bytes, size_t len)
{
    part->bytes = slot->memory + *at;
    part->len = len;
    if (len > 0)
        memcpy(part->bytes, bytes, len);
    *at += len;
}

static void encode_properties(struct slot *slot, size_t at,
                              const amqp_basic_properties_t *properties)
{
    int len;

    slot->message.properties.bytes = slot->memory + at;
    slot->message.properties.len = slot->capacity - at;
    len = amqp_encode_properties(AMQP_BASIC_CLASS, (void *)(uintptr_t)properties,
                                 slot->message.properties);
    slot->message.properties.len = len < 0 ? SIZE_MAX : (size_t)len;
}

static struct slot *new_slot(struct window *window)
{
    struct slot **slot = &window->slots[(window->head + window->count++) % PUBLISHER_WINDOW];

    if (*slot == NULL)
        *slot = xcalloc(1, sizeof **slot);
    return *slot;
}

struct slot *window_add(struct window *window, const struct message *message, uint64_t cookie)
{
    struct slot *slot = new_slot(window);
    size_t exchange_len = strlen(message->exchange);
    size_t key_len = strlen(message->routing_key);
    size_t plain = exchange_len + key_len + message->body.len;
    size_t room = PROPERTIES_BYTES;

    slot->cookie = cookie;
    slot->has_result = false;
    slot->awaits_repair = false;
    slot->is_accused = false;
    slot->nacks = 0;
    slot->message.is_optional = message->is_optional;
    slot->tag = SLOT_UNSENT;
    do {
        size_t at = 0;

        if (slot->capacity < plain + room) {
            slot->capacity = plain + room;
            slot->memory = xrealloc(slot->memory, slot->capacity);
        }
        put(slot, &at, &slot->message.exchange, message->exchange, exchange_len);
        put(slot, &at, &slot->message.routing_key, message->routing_key, key_len);
        put(slot, &at, &slot->message.body, message->body.bytes, message->body.len);
        encode_properties(slot, at, message->properties);
        room *= 2;
    } while (slot->message.properties.len == SIZE_MAX && room <= PROPERTIES_BYTES_MAX);
    window->bytes += slot->capacity;
    return slot;
}

void window_remove_oldest(struct window *window)
{
    struct slot *slot = window_slot(window, 0);

    free(slot->reason);
    slot->reason = NULL;
    window->bytes -= slot->capacity;
    if (slot->capacity > KEPT_BYTES) {
        free(slot->memory);
        slot->memory = NULL;
        slot->capacity = 0;
    }
    window->head = (window->head + 1) % PUBLISHER_WINDOW;
    window->count--;
}

void window_set_result(struct window *window, struct slot *slot, enum publish_result result,
                       const char *reason)
{
    if (window->limit < PUBLISHER_WINDOW)
        window->limit++;
    slot->has_result = true;
    slot->result = result;
    if (reason != NULL)
        slot->reason = xstrdup(reason);
}

size_t window_in_flight(const struct window *window)
{
    size_t count = 0;

    for (size_t i = 0; i < window->count; i++)
        if (slot_is_in_flight(window_slot(window, i)))
            count++;
    return count;
}

bool window_is_at_limit(const struct window *window)
{
    return window->limit < PUBLISHER_WINDOW && window_in_flight(window) >= window->limit;
}

void window_narrow(struct window *window)
{
    size_t count = window_in_flight(window);

    if (count > 0)
        window->limit = (count + 1) / 2;
}

void window_halve(struct window *window)
{
    window->limit = (window->limit + 1) / 2;
}

const struct slot *window_oldest_in_flight(const struct window *window)
{
    for (size_t i = 0; i < window->count; i++)
        if (slot_is_in_flight(window_slot(window, i)))
            return window_slot(window, i);
    return NULL;
}

void window_forget_tags(struct window *window)
{
    for (size_t i = 0; i < window->count; i++) {
        struct slot *slot = window_slot(window, i);

        slot->tag = slot->has_result ? 0 : SLOT_UNSENT;
        slot->awaits_repair = false;
    }
}
