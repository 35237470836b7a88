#include "store/order_line.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_SIZE 480 /* of all but the data and the reason */
#define ESCAPED 6     /* bytes that one of the reason may become */

static const char *const times[ORDER_STATUS_COUNT] = {[ORDER_RESERVED] = "reserved_at",
                                                      [ORDER_FAILED] = "failed_at",
                                                      [ORDER_CANCELLED] = "cancelled_at",
                                                      [ORDER_HANDED_OVER] = "handed_over_at"};

size_t order_line_size(const struct stored_order *order)
{
    size_t reason_len = order->reason == NULL ? 0 : strlen(order->reason);

    return order->data_len + ESCAPED * reason_len + REST_SIZE;
}

static size_t put_time(char *line, const char *name, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(ms, text);
    return (size_t)snprintf(line, CLOCK_TEXT_SIZE + 32, ", \"%s\": \"%s\"", name, text);
}

static size_t put_reason(char *line, const char *reason)
{
    struct json_writer writer;
    char *text;
    size_t len;

    json_writer_start(&writer);
    json_writer_raw(&writer, ", \"reason\": ");
    json_writer_string(&writer, reason);
    text = json_writer_end(&writer);
    len = strlen(text);
    memcpy(line, text, len);
    free(text);
    return len;
}

size_t order_line(const struct stored_order *order, char *line)
{
    char id[UUID_TEXT_SIZE];
    size_t len;

    uuid_to_text(order->id, id);
    len = (size_t)snprintf(line, REST_SIZE,
                           "{\"order_id\": \"%s\", \"status\": \"%s\", \"data\": ", id,
                           order_status_name(order->status));
    memcpy(line + len, order->data, order->data_len);
    len += order->data_len;
    len += put_time(line + len, "placed_at", order->placed_at);
    for (int i = ORDER_RESERVED; i < ORDER_STATUS_COUNT; i++)
        if (order->reached_at[i] != 0)
            len += put_time(line + len, times[i], order->reached_at[i]);
    if (order->reason != NULL)
        len += put_reason(line + len, order->reason);
    memcpy(line + len, "}", 2);
    return len + 1;
}
