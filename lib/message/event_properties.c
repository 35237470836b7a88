#include "message/event_properties.h"

#include "base/clock.h"
#include "base/report.h"

#include <stdint.h>

void event_properties(amqp_basic_properties_t *properties, const char *event_type,
                      const char *order_id, const char *message_id)
{
    *properties = (amqp_basic_properties_t){
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                  AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
        .correlation_id = amqp_cstring_bytes(order_id),
        .message_id = amqp_cstring_bytes(message_id),
        .timestamp = (uint64_t)(clock_utc_ms() / 1000),
        .type = amqp_cstring_bytes(event_type),
        .app_id = amqp_cstring_bytes(report_name())};
}
