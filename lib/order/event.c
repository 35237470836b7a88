#include "order/event.h"

#include "base/clock.h"
#include "base/text.h"
#include "order/contact.h"
#include "order/fields.h"

#include <string.h>

static enum event_verdict read_event(struct order_reader *reader, const char *type,
                                     const char *text, size_t len)
{
    const char *found;

    if (!order_open(reader, text, len, EVENT_MAX_SIZE) ||
        !order_read_text(reader, reader->object, &reader->fields[EVENT_TYPE], ORDER_MAX_TEXT,
                         &found))
        return EVENT_MALFORMED;
    if (strcmp(found, type) != 0) {
        (void)order_refuse(reader->fault, "event_type is '%s', not '%s'", printable_text(found),
                           type);
        return EVENT_OTHER_TYPE;
    }
    if (!order_read_text(reader, reader->object, &reader->fields[ORDER_ID], ORDER_MAX_ID,
                         &reader->order->order_id))
        return EVENT_MALFORMED;
    /* Events of other types are passed on as they are. */
    if (strcmp(type, EVENT_PLACED) != 0)
        return EVENT_SOUND;
    if (!order_read_body(reader))
        return EVENT_MALFORMED;
    /* It is not needed: an event of another producer is not malformed for it. */
    contact_read_if_sound(reader);
    return EVENT_SOUND;
}

enum event_verdict event_read(struct order *order, const char *type, const char *text, size_t len,
                              struct order_fault *fault)
{
    struct order_reader reader = {.order = order, .fault = fault};
    enum event_verdict verdict = read_event(&reader, type, text, len);

    if (verdict != EVENT_SOUND)
        order_free(order);
    return verdict;
}

void event_start(struct json_writer *line, const char *type, const char *order_id)
{
    json_writer_start(line);
    json_writer_member(line, "{\"event_type\":", type);
    json_writer_member(line, ",\"order_id\":", order_id);
}

void event_add_items(struct json_writer *line, const struct order_item *items, size_t count)
{
    json_writer_raw(line, "\"items\":[");
    for (size_t i = 0; i < count; i++) {
        json_writer_member(line, i > 0 ? ",{\"sku\":" : "{\"sku\":", items[i].sku);
        json_writer_raw(line, ",\"qty\":");
        json_writer_number(line, (unsigned)items[i].qty);
        json_writer_raw(line, "}");
    }
    json_writer_raw(line, "]");
}

char *event_end(struct json_writer *line, int64_t ts_ms, const char *reason)
{
    char ts[CLOCK_TEXT_SIZE];

    clock_rfc3339(ts_ms, ts);
    json_writer_member(line, ",\"ts\":", ts);
    if (reason != NULL)
        json_writer_member(line, ",\"reason\":", reason);
    json_writer_raw(line, "}");
    return json_writer_end(line);
}

char *event_print(const struct order *order, const char *type, const char *order_id, int64_t ts_ms,
                  const char *reason)
{
    struct json_writer line;

    event_start(&line, type, order_id);
    json_writer_member(&line, ",\"user_id\":", order->user_id);
    json_writer_member(&line, ",\"restaurant_id\":", order->restaurant_id);
    json_writer_raw(&line, ",");
    event_add_items(&line, order->items, order->item_count);
    if (order->contact != NULL) {
        json_writer_raw(&line, ",\"contact\":");
        json_writer_raw(&line, order->contact);
    }
    return event_end(&line, ts_ms, reason);
}
