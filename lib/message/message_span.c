#include "message/message_span.h"

#include "json/writer.h"

#include <stdbool.h>
#include <stdlib.h>

#define ATTRIBUTES_MAX 7

/* A destination is an exchange, a routing key and a queue, as far as there are any. */
static char *destination_of(const struct message_span *about)
{
    const char *const parts[] = {about->exchange, about->routing_key, about->queue};
    struct json_writer text;
    bool some = false;

    json_writer_start(&text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] == NULL || *parts[i] == '\0')
            continue;
        if (some)
            json_writer_raw(&text, ":");
        json_writer_raw(&text, parts[i]);
        some = true;
    }
    return json_writer_end(&text);
}

static char *name_of(const char *operation, const char *destination)
{
    struct json_writer text;

    json_writer_start(&text);
    json_writer_raw(&text, operation);
    json_writer_raw(&text, " ");
    json_writer_raw(&text, destination);
    return json_writer_end(&text);
}

/* Lists those that are known. Returns how many. */
static size_t list_attributes(const struct message_span *about, const char *operation,
                              const char *destination,
                              struct span_attribute attributes[ATTRIBUTES_MAX])
{
    const struct span_attribute all[ATTRIBUTES_MAX] = {
        {.key = "messaging.system", .text = "rabbitmq"},
        {.key = "messaging.operation.name", .text = operation},
        {.key = "messaging.operation.type", .text = operation},
        {.key = "messaging.destination.name", .text = destination},
        {.key = "messaging.rabbitmq.destination.routing_key", .text = about->routing_key},
        {.key = "messaging.message.id", .text = about->message_id},
        {.key = "messaging.message.conversation_id", .text = about->order_id}};
    size_t count = 0;

    for (size_t i = 0; i < ATTRIBUTES_MAX; i++)
        if (all[i].text != NULL)
            attributes[count++] = all[i];
    return count;
}

void message_span_end(struct span *span, const struct message_span *about)
{
    bool is_sent = about->kind == MESSAGE_SENT;
    const char *operation = is_sent ? "send" : "process";
    struct span_attribute attributes[ATTRIBUTES_MAX];
    char *destination;
    char *name;

    if (span == NULL)
        return;
    destination = destination_of(about);
    name = name_of(operation, destination);
    span_end(span, &(struct span_about){
                       .kind = is_sent ? SPAN_PRODUCER : SPAN_CONSUMER,
                       .name = name,
                       .attributes = attributes,
                       .count = list_attributes(about, operation, destination, attributes),
                       .error = about->error,
                       .reason = about->reason});
    free(name);
    free(destination);
}
