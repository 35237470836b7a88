#include "fate.h"

#include "base/text.h"
#include "json/json.h"

#include <string.h>

static void add_text(cJSON *line, const char *name, const char *text)
{
    json_need(text == NULL ? cJSON_AddNullToObject(line, name)
                           : cJSON_AddStringToObject(line, name, text));
}

/* A name from outside, in so far as JSON can say it. */
static void add_name(cJSON *line, const char *name, const char *text)
{
    add_text(line, name, text_is_utf8(text, strlen(text)) ? text : printable_text(text));
}

cJSON *fate_line(const struct fate *fate)
{
    static const char *const names[] = {"replayed", "left",  "parked",  "dropped",
                                        "refused",  "taken", "restored"};
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    add_text(line, "fate", names[fate->kind]);
    if (fate->number > 0)
        json_need(cJSON_AddNumberToObject(line, "number", (double)fate->number));
    if (fate->queue != NULL)
        add_name(line, "queue", fate->queue);
    add_text(line, "order_id", fate->order_id);
    add_name(line, "exchange", fate->exchange);
    add_name(line, "routing_key", fate->routing_key);
    json_need(cJSON_AddNumberToObject(line, "replays", (double)fate->replays));
    add_text(line, "error", fate->error);
    if (fate->handled != NULL)
        add_text(line, "handled", fate->handled);
    if (*fate->reason != '\0')
        add_text(line, "reason", fate->reason);
    if (fate->dry_run)
        json_need(cJSON_AddTrueToObject(line, "dry_run"));
    return line;
}
