#include "stock/holding.h"

#include "base/memory.h"
#include "json/json.h"
#include "json/writer.h"
#include "order/event.h"

#include <stdlib.h>
#include <string.h>

/* Of one order at most 1000 items of a million each. */
#define QTY_MAX (ORDER_MAX_ITEMS * ORDER_MAX_QTY)

char *holding_print(const struct order_item *items, size_t count, const char *contact)
{
    struct json_writer line;

    if (count == 0 && contact == NULL)
        return NULL;
    json_writer_start(&line);
    json_writer_raw(&line, "{");
    event_add_items(&line, items, count);
    if (contact != NULL) {
        json_writer_raw(&line, ",\"contact\":");
        json_writer_raw(&line, contact);
    }
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}

static bool read_items(struct holding *holding)
{
    const cJSON *items = json_member(holding->tree, "items");
    const cJSON *item;

    if (!cJSON_IsArray(items))
        return false;
    holding->items = xcalloc((size_t)cJSON_GetArraySize(items) + 1, sizeof *holding->items);
    cJSON_ArrayForEach(item, items)
    {
        const char *sku = json_member_text(item, "sku");
        int64_t qty;

        if (sku == NULL || !json_integer(json_member(item, "qty"), 1, QTY_MAX, &qty))
            return false;
        holding->items[holding->item_count++] = (struct order_item){.sku = sku, .qty = (int)qty};
    }
    return true;
}

void holding_read(struct holding *holding, bool is_known, const char *text)
{
    unsigned traits;
    size_t at;

    *holding = (struct holding){.is_known = is_known};
    if (!is_known || text == NULL)
        return;
    if (json_check(text, strlen(text), &traits, &at) == NULL) {
        holding->text = text;
        holding->tree = json_parse_scanned(text, strlen(text), traits);
        if (read_items(holding))
            return;
    }
    holding_free(holding);
}

void holding_free(struct holding *holding)
{
    free(holding->items);
    cJSON_Delete(holding->tree);
    *holding = (struct holding){.is_known = false};
}

static void add_contact(struct json_writer *line, const char *text)
{
    size_t len;
    const char *contact = json_member_raw(text, strlen(text), "contact", &len);

    if (contact == NULL)
        return;
    json_writer_raw(line, ",\"contact\":");
    json_writer_bytes(line, contact, len);
}

char *holding_event(const struct holding *holding, const char *type, const char *order_id,
                    const char *reason, int64_t ts_ms)
{
    struct json_writer line;

    event_start(&line, type, order_id);
    if (holding->is_known) {
        json_writer_raw(&line, ",");
        event_add_items(&line, holding->items, holding->item_count);
    }
    if (holding->text != NULL)
        add_contact(&line, holding->text);
    return event_end(&line, ts_ms, reason);
}
