#include "fate.h"

#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"

#include <limits.h>
#include <string.h>

static void add_text(struct json_writer *line, const char *start, const char *text)
{
    json_writer_raw(line, start);
    if (text == NULL)
        json_writer_raw(line, "null");
    else
        json_writer_string(line, text);
}

/* Adds a name that is perhaps not UTF-8. */
static void add_name(struct json_writer *line, const char *start, const char *text)
{
    add_text(line, start, text_is_utf8(text, strlen(text)) ? text : printable_text(text));
}

static void add_number(struct json_writer *line, const char *start, uint64_t number)
{
    json_writer_raw(line, start);
    if (number <= UINT_MAX) {
        json_writer_number(line, (unsigned)number);
    } else {
        cJSON *node = cJSON_CreateNumber((double)number);
        char *text = json_print(node);

        json_writer_raw(line, text);
        cJSON_free(text);
        cJSON_Delete(node);
    }
}

char *fate_line(const struct fate *fate)
{
    static const char *const names[] = {"replayed", "left",  "parked",  "dropped",
                                        "refused",  "taken", "restored"};
    struct json_writer line;

    json_writer_start(&line);
    add_text(&line, "{\"fate\":", names[fate->kind]);
    if (fate->number > 0)
        add_number(&line, ",\"number\":", fate->number);
    if (fate->queue != NULL)
        add_name(&line, ",\"queue\":", fate->queue);
    add_text(&line, ",\"order_id\":", fate->order_id);
    add_name(&line, ",\"exchange\":", fate->exchange);
    add_name(&line, ",\"routing_key\":", fate->routing_key);
    add_number(&line, ",\"replays\":", (uint64_t)fate->replays);
    add_text(&line, ",\"error\":", fate->error);
    if (fate->handled != NULL)
        add_text(&line, ",\"handled\":", fate->handled);
    if (*fate->reason != '\0')
        add_text(&line, ",\"reason\":", fate->reason);
    json_writer_raw(&line, fate->dry_run ? ",\"dry_run\":true}" : "}");
    return json_writer_end(&line);
}
