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

/* Checks order->tree, and says whether it is sound. */
static bool check_tree(struct body_check *check, const char *type, struct order *order)
{
    bool is_sound = type != NULL && event_check(order, type, &check->fault) == EVENT_SOUND;

    check->error = is_sound || type == NULL ? NULL : check->fault.reason;
    return is_sound;
}

static void check_text(struct body_check *check, const char *type, amqp_bytes_t body)
{
    bool has_mark = foreign_mark(body.bytes, body.len) > 0;
    bool is_sound = false;
    struct order order;

    if (event_parse(&order, body.bytes, body.len, EVENT_MAX_SIZE, &check->fault))
        is_sound = check_tree(check, type, &order);
    else
        check->error = type == NULL ? NULL : check->fault.reason;
    if (body.len > EVENT_MAX_SIZE) {
        struct order_fault ignored;

        (void)event_parse(&order, body.bytes, body.len, SIZE_MAX, &ignored);
    }
    /* A byte order mark is skipped by the worker alone: whoever else reads the body finds no JSON.
     */
    if (is_sound || !has_mark)
        check->order_id = find_order_id(order.tree);
    check->is_json = !has_mark && order.tree != NULL && envelope_shows(order.tree, order.traits);
    order_free(&order);
}

void body_check(struct body_check *check, const char *type, amqp_bytes_t body, cJSON *tree)
{
    struct order order = {.tree = tree};

    *check = (struct body_check){0};
    if (tree == NULL || body.len > EVENT_MAX_SIZE) {
        check_text(check, type, body);
        return;
    }
    (void)check_tree(check, type, &order);
    check->order_id = find_order_id(tree);
    order.tree = NULL;
    order_free(&order);
}

void body_check_free(struct body_check *check)
{
    free(check->order_id);
    check->order_id = NULL;
}
