#include "order/fields.h"

#include "base/memory.h"
#include "base/text.h"
#include "json/foreign.h"
#include "json/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool order_refuse(struct order_fault *fault, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fault->reason, sizeof fault->reason, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- members ---- */

/* Are the names the same but for case, and for what stands between words? */
static bool is_like(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_- ");
        b += strspn(b, "_- ");
        if ((*a | 0x20) != (*b | 0x20) || *a == '\0' || *b == '\0')
            return *a == *b;
    }
}

/* Says that a member of the tree is missing, and whether it is there in another way. */
static bool refuse_missing(const cJSON *tree, const char *name, struct order_fault *fault)
{
    for (const cJSON *other = tree->child; other != NULL; other = other->next) {
        if (is_like(other->string, name))
            return order_refuse(fault, "%s is missing: '%s' is not its name", name,
                                printable_text(other->string));
        if (cJSON_IsObject(other) && json_member(other, name) != NULL)
            return order_refuse(fault, "%s is missing: it stands within '%s'", name,
                                printable_text(other->string));
    }
    return order_refuse(fault, "%s is missing", name);
}

/* Two of a name are read differently by others, who take the first or the last. */
static bool find_member(const cJSON *tree, const char *name, const cJSON **value,
                        struct order_fault *fault)
{
    if (!json_member_once(tree, name, value))
        return order_refuse(fault, "%s is there twice", name);
    return *value != NULL || refuse_missing(tree, name, fault);
}

/* A string that people and other programs may be shown as it is. */
static bool check_text(const cJSON *value, size_t max, const char *what, struct order_fault *fault)
{
    const char *text = cJSON_GetStringValue(value);
    size_t len;

    if (text == NULL)
        return order_refuse(fault, "%s is not a string", what);
    if (*text == '\0')
        return order_refuse(fault, "%s is empty", what);
    len = strlen(text);
    if (len > max)
        return order_refuse(fault, "%s is longer than %zu bytes", what, max);
    if (!text_is_printable(text, len, max))
        return order_refuse(fault, "%s has a control character%s", what,
                            strchr(text, JSON_HALF) == NULL ? "" : ", or half of a surrogate pair");
    return true;
}

bool order_read_text(const cJSON *tree, const char *name, size_t max, const char **text,
                     struct order_fault *fault)
{
    const cJSON *value;

    if (!find_member(tree, name, &value, fault) || !check_text(value, max, name, fault))
        return false;
    *text = value->valuestring;
    return true;
}

/* ---- what orders and events have in common ---- */

static bool read_item(const cJSON *value, struct order_item *item, struct order_fault *fault)
{
    const cJSON *qty;
    int64_t count;

    if (!cJSON_IsObject(value))
        return order_refuse(fault, "is not an object");
    if (!order_read_text(value, "sku", ORDER_MAX_TEXT, &item->sku, fault) ||
        !find_member(value, "qty", &qty, fault))
        return false;
    if (!cJSON_IsNumber(qty))
        return order_refuse(fault, "qty is not a number");
    if (!json_integer(qty, 1, ORDER_MAX_QTY, &count))
        return order_refuse(fault, "qty is not an integer from 1 to %d", ORDER_MAX_QTY);
    item->qty = (int)count;
    return true;
}

static bool read_items(struct order *order, struct order_fault *fault)
{
    const cJSON *items;
    const cJSON *value;
    size_t count = 0;

    if (!find_member(order->tree, "items", &items, fault))
        return false;
    if (!cJSON_IsArray(items))
        return order_refuse(fault, "items is not an array");
    for (value = items->child; value != NULL; value = value->next)
        count++;
    if (count == 0)
        return order_refuse(fault, "items is empty");
    if (count > ORDER_MAX_ITEMS)
        return order_refuse(fault, "items has more than %d entries", ORDER_MAX_ITEMS);
    order->items = xcalloc(count, sizeof *order->items);
    for (value = items->child; value != NULL; value = value->next) {
        if (!read_item(value, &order->items[order->item_count], fault)) {
            const struct order_fault of_item = *fault;

            return order_refuse(fault, "items[%zu]%s%s", order->item_count,
                                cJSON_IsObject(value) ? "." : " ", of_item.reason);
        }
        order->item_count++;
    }
    return true;
}

/* What an order and an event have in common. */
bool order_read_body(struct order *order, struct order_fault *fault)
{
    return order_read_text(order->tree, "user_id", ORDER_MAX_TEXT, &order->user_id, fault) &&
           order_read_text(order->tree, "restaurant_id", ORDER_MAX_TEXT, &order->restaurant_id,
                           fault) &&
           read_items(order, fault);
}

/* ---- the whole text ---- */

/* reason, and at, as json_check() has them. */
static bool refuse_text(const char *text, size_t len, const char *reason, size_t at,
                        struct order_fault *fault)
{
    const struct foreign *format = foreign_format(text, len);
    size_t start = 0;
    const char *guess;

    while (start < len && memchr(" \t\r\n", text[start], 4) != NULL)
        start++;
    if (start == len)
        return order_refuse(fault, "not JSON: it is empty");
    if (format != NULL)
        return order_refuse(fault, "not JSON: it looks like %s", format->what);
    /* A letter or a dash may be the start of a word or number that JSON has. */
    guess = at <= start + 1 ? foreign_guess(text, len) : NULL;
    if (guess != NULL)
        return order_refuse(fault, "not JSON: it looks like %s", guess);
    return order_refuse(fault, "not JSON: %s (byte %zu)", reason, at + 1);
}

bool order_refuse_kind(const cJSON *tree, struct order_fault *fault)
{
    const char *text = cJSON_GetStringValue(tree);

    if (cJSON_IsArray(tree))
        return order_refuse(fault, "not a JSON object, but an array");
    if (text != NULL && text[strspn(text, " \t\r\n")] == '{')
        return order_refuse(fault, "not a JSON object, but a string with JSON in it");
    return order_refuse(fault, "not a JSON object");
}

bool order_read_tree(struct order *order, const char *text, size_t len, size_t max,
                     struct order_fault *fault)
{
    size_t mark = foreign_mark(text, len);
    unsigned traits;
    const char *reason;
    size_t at;

    memset(order, 0, sizeof *order);
    if (len > max)
        return order_refuse(fault, "too large: over %zu bytes", max);
    if (mark > 0) {
        text += mark;
        len -= mark;
    }
    reason = json_check(text, len, &traits, &at);
    if (reason != NULL)
        return refuse_text(text, len, reason, at, fault);
    order->tree = json_parse_scanned(text, len, traits);
    order->traits = traits;
    return cJSON_IsObject(order->tree) || order_refuse_kind(order->tree, fault);
}
