#include "body_check.h"

#include "base/memory.h"
#include "base/text.h"
#include "json/foreign.h"
#include "json/json.h"
#include "message/envelope.h"
#include "order/event.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *find_order_id(const cJSON *tree)
{
    const char *id = json_member_text(tree, "order_id");

    return id != NULL && text_is_printable(id, strlen(id), SIZE_MAX) ? xstrdup(id) : NULL;
}

/* Returns whether body is an event of this type; if not, check has the reason. */
static bool is_sound(struct body_check *check, const char *type, amqp_bytes_t body)
{
    struct order order;

    if (event_read(&order, type, body.bytes, body.len, &check->fault) != EVENT_SOUND) {
        check->error = check->fault.reason;
        return false;
    }
    order_free(&order);
    return true;
}

void body_check(struct body_check *check, const char *type, amqp_bytes_t body, cJSON *tree)
{
    size_t mark = foreign_mark(body.bytes, body.len);
    const char *text = (const char *)body.bytes + mark;
    cJSON *own = NULL;
    bool sound;
    unsigned traits;
    size_t at;

    *check = (struct body_check){0};
    sound = type != NULL && is_sound(check, type, body);
    if (tree == NULL && json_check(text, body.len - mark, &traits, &at) == NULL)
        own = json_parse_scanned(text, body.len - mark, traits);
    /* A worker skips a byte order mark, but with one the body is not JSON: an order_id counts only
     * if the worker would take the event. */
    if (sound || mark == 0)
        check->order_id = find_order_id(tree != NULL ? tree : own);
    check->is_json = own != NULL && mark == 0 && envelope_shows(own, traits);
    cJSON_Delete(own);
}

void body_check_free(struct body_check *check)
{
    free(check->order_id);
    check->order_id = NULL;
}
