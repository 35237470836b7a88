#include "order/event.h"

#include "base/clock.h"
#include "base/text.h"
#include "json/writer.h"
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

static void add_member(struct json_writer *line, const char *start, const char *text)
{
    json_writer_raw(line, start);
    json_writer_string(line, text);
}

static void add_item(struct json_writer *line, const struct order_item *item)
{
    add_member(line, "{\"sku\":", item->sku);
    json_writer_raw(line, ",\"qty\":");
    json_writer_number(line, (unsigned)item->qty);
    json_writer_raw(line, "}");
}

char *event_print(const struct order *order, const char *type, const char *order_id, int64_t ts_ms,
                  const char *reason)
{
    struct json_writer line;
    char ts[CLOCK_TEXT_SIZE];

    clock_rfc3339(ts_ms, ts);
    json_writer_start(&line);
    add_member(&line, "{\"event_type\":", type);
    add_member(&line, ",\"order_id\":", order_id);
    add_member(&line, ",\"user_id\":", order->user_id);
    add_member(&line, ",\"restaurant_id\":", order->restaurant_id);
    json_writer_raw(&line, ",\"items\":[");
    for (size_t i = 0; i < order->item_count; i++) {
        if (i > 0)
            json_writer_raw(&line, ",");
        add_item(&line, &order->items[i]);
    }
    json_writer_raw(&line, "]");
    if (order->contact != NULL) {
        json_writer_raw(&line, ",\"contact\":");
        json_writer_raw(&line, order->contact);
    }
    add_member(&line, ",\"ts\":", ts);
    if (reason != NULL)
        add_member(&line, ",\"reason\":", reason);
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}
