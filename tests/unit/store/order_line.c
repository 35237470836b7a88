#include "store/order_line.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void prints_an_order(void)
{
    static const struct {
        enum order_status status;
        int64_t placed_at;
        const char *line;
    } rows[] = {
        {ORDER_PENDING, 0,
         "{\"order_id\": \"1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a\", \"status\": \"PENDING\", "
         "\"data\": {\"a\":1}, \"placed_at\": \"1970-01-01T00:00:00.000Z\"}"},
        {ORDER_PLACED, INT64_MAX,
         "{\"order_id\": \"1a1a1a1a-1a1a-1a1a-1a1a-1a1a1a1a1a1a\", \"status\": \"PLACED\", "
         "\"data\": {\"a\":1}, \"placed_at\": \"9999-12-31T23:59:59.999Z\"}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stored_order order = {.status = rows[i].status,
                                     .placed_at = rows[i].placed_at,
                                     .data = "{\"a\":1}",
                                     .data_len = strlen("{\"a\":1}")};
        char *line = malloc(order_line_size(&order));
        size_t len;

        memset(order.id, 0x1A, UUID_BYTES);
        len = order_line(&order, line);
        SAME(line, rows[i].line);
        EQUAL(len, strlen(rows[i].line));
        CHECK(len < order_line_size(&order));
        free(line);
    }
}

int main(void)
{
    RUN(prints_an_order);
    return unit_end();
}
