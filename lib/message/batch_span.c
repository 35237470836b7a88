#include "message/batch_span.h"

#include <stdint.h>
#include <stdio.h>

#define OPERATION "record"
#define NAME_SIZE 64

struct span *batch_span_start(size_t count)
{
    return count > 1 ? span_start_alone() : NULL;
}

void batch_span_add(struct span *batch, struct span *delivery)
{
    if (delivery == NULL || delivery->link_count > 0)
        return;
    span_link(batch, delivery->trace);
    span_link(delivery, batch->trace);
}

void batch_span_end(struct span *batch, const char *queue, size_t count)
{
    const struct span_attribute attributes[] = {
        {.key = "messaging.system", .text = "rabbitmq"},
        {.key = "messaging.operation.name", .text = OPERATION},
        {.key = "messaging.destination.name", .text = queue},
        {.key = "messaging.batch.message_count", .number = (int64_t)count}};
    char name[NAME_SIZE];

    if (batch->link_count == 0) {
        span_drop(batch);
        return;
    }
    (void)snprintf(name, sizeof name, OPERATION " %s", queue);
    span_end(batch, &(struct span_about){.kind = SPAN_INTERNAL,
                                         .name = name,
                                         .attributes = attributes,
                                         .count = sizeof attributes / sizeof attributes[0]});
}
