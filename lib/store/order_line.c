#include "store/order_line.h"

#include "base/clock.h"
#include "base/uuid.h"

#include <stdio.h>
#include <string.h>

#define REST_SIZE 160 /* of all but the data */

size_t order_line_size(const struct stored_order *order)
{
    return order->data_len + REST_SIZE;
}

size_t order_line(const struct stored_order *order, char *line)
{
    char id[UUID_TEXT_SIZE];
    char placed_at[CLOCK_TEXT_SIZE];
    size_t len;

    uuid_to_text(order->id, id);
    clock_rfc3339(order->placed_at, placed_at);
    len = (size_t)snprintf(line, REST_SIZE,
                           "{\"order_id\": \"%s\", \"status\": \"%s\", \"data\": ", id,
                           order_status_name(order->status));
    memcpy(line + len, order->data, order->data_len);
    len += order->data_len;
    return len + (size_t)snprintf(line + len, CLOCK_TEXT_SIZE + 32, ", \"placed_at\": \"%s\"}",
                                  placed_at);
}
