#include "tell.h"

#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"

#include <stdlib.h>
#include <string.h>

void teller_close(struct teller *teller)
{
    free(teller->lines);
}

static void add_line(struct teller *teller, struct notification *notification)
{
    size_t len = notification->event_len;
    char *shown = NULL;

    /* Escaped for a terminal, as by output_json_text(). */
    if (text_plain_run(notification->event, len) != len)
        shown = json_shown(notification->event, notification->event_len, &len);
    if (teller->len + len + 1 > teller->capacity) {
        teller->capacity = 2 * (teller->len + len + 1);
        teller->lines = xrealloc(teller->lines, teller->capacity);
    }
    memcpy(teller->lines + teller->len, shown == NULL ? notification->event : shown, len);
    teller->lines[teller->len + len] = '\n';
    teller->len += len + 1;
    notification->line_end = teller->len;
    free(shown);
}

enum exit_code teller_tell(struct teller *teller, const struct notification_list *turn)
{
    enum exit_code code;
    size_t taken;

    teller->len = 0;
    for (size_t i = 0; i < turn->count; i++)
        if (turn->items[i]->verdict == VERDICT_TELL)
            add_line(teller, turn->items[i]);
    if (teller->len == 0)
        return EXIT_OK;
    code = output_write(teller->lines, teller->len, &taken);
    for (size_t i = 0; i < turn->count; i++)
        if (turn->items[i]->verdict == VERDICT_TELL && turn->items[i]->line_end <= taken)
            turn->items[i]->outcome = OUTCOME_DONE;
    return code;
}

enum exit_code teller_write(struct teller *teller, struct notification *notification)
{
    size_t taken;

    teller->len = 0;
    add_line(teller, notification);
    return output_write(teller->lines, teller->len, &taken);
}
