#include "stock/holding.h"

#include "base/clock.h"
#include "base/memory.h"
#include "json/json.h"
#include "json/writer.h"

#include <stdlib.h>
#include <string.h>

/* Of one order at most 1000 items of a million each. */
#define QTY_MAX (ORDER_MAX_ITEMS * ORDER_MAX_QTY)

static void add_member(struct json_writer *line, const char *start, const char *text)
{
    json_writer_raw(line, start);
    json_writer_string(line, text);
}

static void add_items(struct json_writer *line, const struct order_item *items, size_t count)
{
    json_writer_raw(line, "\"items\":[");
    for (size_t i = 0; i < count; i++) {
        add_member(line, i > 0 ? ",{\"sku\":" : "{\"sku\":", items[i].sku);
        json_writer_raw(line, ",\"qty\":");
        json_writer_number(line, (unsigned)items[i].qty);
        json_writer_raw(line, "}");
    }
    json_writer_raw(line, "]");
}

char *holding_print(const struct order_item *items, size_t count, const char *contact)
{
    struct json_writer line;

    if (count == 0 && contact == NULL)
        return NULL;
    json_writer_start(&line);
    json_writer_raw(&line, "{");
    add_items(&line, items, count);
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
    char ts[CLOCK_TEXT_SIZE];

    clock_rfc3339(ts_ms, ts);
    json_writer_start(&line);
    add_member(&line, "{\"event_type\":", type);
    add_member(&line, ",\"order_id\":", order_id);
    if (holding->is_known) {
        json_writer_raw(&line, ",");
        add_items(&line, holding->items, holding->item_count);
    }
    if (holding->text != NULL)
        add_contact(&line, holding->text);
    add_member(&line, ",\"ts\":", ts);
    if (reason != NULL)
        add_member(&line, ",\"reason\":", reason);
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}
