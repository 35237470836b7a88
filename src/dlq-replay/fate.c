#include "fate.h"

#include "json/writer.h"

#include <inttypes.h>
#include <stdio.h>

static void add_number(struct json_writer *line, const char *start, uint64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    json_writer_raw(line, start);
    json_writer_raw(line, digits);
}

char *fate_line(const struct fate *fate)
{
    static const char *const names[] = {"replayed", "left",  "parked",  "dropped",
                                        "refused",  "taken", "restored"};
    struct json_writer line;

    json_writer_start(&line);
    json_writer_member(&line, "{\"fate\":", names[fate->kind]);
    if (fate->number > 0)
        add_number(&line, ",\"number\":", fate->number);
    if (fate->queue != NULL)
        json_writer_foreign(&line, ",\"queue\":", fate->queue);
    json_writer_member(&line, ",\"order_id\":", fate->order_id);
    json_writer_foreign(&line, ",\"exchange\":", fate->exchange);
    json_writer_foreign(&line, ",\"routing_key\":", fate->routing_key);
    add_number(&line, ",\"replays\":", (uint64_t)fate->replays);
    json_writer_member(&line, ",\"error\":", fate->error);
    if (fate->handled != NULL)
        json_writer_member(&line, ",\"handled\":", fate->handled);
    if (*fate->reason != '\0')
        json_writer_member(&line, ",\"reason\":", fate->reason);
    json_writer_raw(&line, fate->dry_run ? ",\"dry_run\":true}" : "}");
    return json_writer_end(&line);
}
