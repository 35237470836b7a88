#include "order/event.h"

#include "base/clock.h"
#include "base/text.h"
#include "json/writer.h"
#include "order/fields.h"

#include <string.h>

bool event_parse(struct order *order, const char *text, size_t len, size_t max,
                 struct order_fault *fault)
{
    return order_read_tree(order, text, len, max, fault);
}

enum event_verdict event_check(struct order *order, const char *type, struct order_fault *fault)
{
    const char *found;

    if (!cJSON_IsObject(order->tree)) {
        (void)order_refuse_kind(order->tree, fault);
        return EVENT_MALFORMED;
    }
    if (!order_read_text(order->tree, "event_type", ORDER_MAX_TEXT, &found, fault))
        return EVENT_MALFORMED;
    if (strcmp(found, type) != 0) {
        (void)order_refuse(fault, "event_type is '%s', not '%s'", printable_text(found), type);
        return EVENT_OTHER_TYPE;
    }
    if (!order_read_text(order->tree, "order_id", ORDER_MAX_ID, &order->order_id, fault))
        return EVENT_MALFORMED;
    /* What others than OrderPlaced have besides is passed on as it is, and read by nobody. */
    return strcmp(type, EVENT_PLACED) != 0 || order_read_body(order, fault) ? EVENT_SOUND
                                                                            : EVENT_MALFORMED;
}

enum event_verdict event_read(struct order *order, const char *type, const char *text, size_t len,
                              struct order_fault *fault)
{
    enum event_verdict verdict = event_parse(order, text, len, EVENT_MAX_SIZE, fault)
                                     ? event_check(order, type, fault)
                                     : EVENT_MALFORMED;

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
    add_member(&line, "],\"ts\":", ts);
    if (reason != NULL)
        add_member(&line, ",\"reason\":", reason);
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}
