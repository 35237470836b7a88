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

static void prints_what_became_of_it(void)
{
    struct stored_order order = {.status = ORDER_CANCELLED,
                                 .data = "{}",
                                 .data_len = 2,
                                 .reason = "\"\x01\"",
                                 .reached_at = {[ORDER_RESERVED] = 1,
                                                [ORDER_FAILED] = 2,
                                                [ORDER_CANCELLED] = 3,
                                                [ORDER_HANDED_OVER] = 4}};
    char *line = malloc(order_line_size(&order));
    size_t len = order_line(&order, line);

    EQUAL(len, strlen(line));
    CHECK(strlen(line) < order_line_size(&order));
    SAME(line,
         "{\"order_id\": \"00000000-0000-0000-0000-000000000000\", \"status\": \"CANCELLED\", "
         "\"data\": {}, \"placed_at\": \"1970-01-01T00:00:00.000Z\", "
         "\"reserved_at\": \"1970-01-01T00:00:00.001Z\", \"failed_at\": "
         "\"1970-01-01T00:00:00.002Z\", \"cancelled_at\": \"1970-01-01T00:00:00.003Z\", "
         "\"handed_over_at\": \"1970-01-01T00:00:00.004Z\", \"reason\": \"\\\"\\u0001\\\"\"}");
    free(line);
}

int main(void)
{
    RUN(prints_an_order);
    RUN(prints_what_became_of_it);
    return unit_end();
}
