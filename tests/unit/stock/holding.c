#include "stock/holding.h"

#include "unit.h"

#include <stdlib.h>

static const struct order_item items[] = {{"a \"", 2}, {"b", 3}};

static void holds_nothing(void)
{
    struct holding holding;
    char *event;

    CHECK(holding_print(items, 0, NULL) == NULL);
    holding_read(&holding, true, NULL);
    event = holding_event(&holding, "InventoryReleased", "1", "why", 0);
    SAME(event, "{\"event_type\":\"InventoryReleased\",\"order_id\":\"1\",\"items\":[],"
                "\"ts\":\"1970-01-01T00:00:00.000Z\",\"reason\":\"why\"}");
    free(event);
    holding_free(&holding);
}

static void reads_what_it_has_printed(void)
{
    char *text = holding_print(items, COUNT(items), "{\"mail\":\"x\"}");
    struct holding holding;
    char *event;

    holding_read(&holding, true, text);
    if (CHECK(holding.is_known) && EQUAL(holding.item_count, 2)) {
        SAME(holding.items[0].sku, "a \"");
        EQUAL(holding.items[0].qty, 2);
        EQUAL(holding.items[1].qty, 3);
    }
    event = holding_event(&holding, "InventoryHandedOver", "1", NULL, 0);
    SAME(event, "{\"event_type\":\"InventoryHandedOver\",\"order_id\":\"1\",\"items\":["
                "{\"sku\":\"a \\\"\",\"qty\":2},{\"sku\":\"b\",\"qty\":3}],"
                "\"contact\":{\"mail\":\"x\"},\"ts\":\"1970-01-01T00:00:00.000Z\"}");
    free(event);
    holding_free(&holding);
    free(text);
}

static void does_not_know_what_is_not_on_record(void)
{
    static const char *const spoilt[] = {"",
                                         "x",
                                         "[]",
                                         "{}",
                                         "{\"items\":7}",
                                         "{\"items\":[{\"sku\":\"a\"}]}",
                                         "{\"items\":[{\"sku\":\"a\",\"qty\":-1}]}"};
    struct holding holding;
    char *event;

    for (size_t i = 0; i < COUNT(spoilt); i++) {
        unit_row(spoilt[i]);
        holding_read(&holding, true, spoilt[i]);
        CHECK(!holding.is_known);
        EQUAL(holding.item_count, 0);
        holding_free(&holding);
    }
    unit_row(NULL);
    holding_read(&holding, false, NULL);
    event = holding_event(&holding, "InventoryReleased", "1", NULL, 0);
    SAME(event, "{\"event_type\":\"InventoryReleased\",\"order_id\":\"1\","
                "\"ts\":\"1970-01-01T00:00:00.000Z\"}");
    free(event);
    holding_free(&holding);
}

int main(void)
{
    RUN(holds_nothing);
    RUN(reads_what_it_has_printed);
    RUN(does_not_know_what_is_not_on_record);
    return unit_end();
}
