#include "order/order.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "base/uuid.h"
#include "json/canonical.h"
#include "json/foreign.h"
#include "json/json.h"
#include "json/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(struct order_fault *fault, const char *format, ...) REPORT_FORMAT(2, 3);

static bool refuse(struct order_fault *fault, const char *format, ...)
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
            return refuse(fault, "%s is missing: '%s' is not its name", name,
                          printable_text(other->string));
        if (cJSON_IsObject(other) && json_member(other, name) != NULL)
            return refuse(fault, "%s is missing: it stands within '%s'", name,
                          printable_text(other->string));
    }
    return refuse(fault, "%s is missing", name);
}

/* Two of a name are read differently by others, who take the first or the last. */
static bool find_member(const cJSON *tree, const char *name, const cJSON **value,
                        struct order_fault *fault)
{
    if (!json_member_once(tree, name, value))
        return refuse(fault, "%s is there twice", name);
    return *value != NULL || refuse_missing(tree, name, fault);
}

/* A string that people and other programs may be shown as it is. */
static bool check_text(const cJSON *value, size_t max, const char *what, struct order_fault *fault)
{
    const char *text = cJSON_GetStringValue(value);
    size_t len;

    if (text == NULL)
        return refuse(fault, "%s is not a string", what);
    if (*text == '\0')
        return refuse(fault, "%s is empty", what);
    len = strlen(text);
    if (len > max)
        return refuse(fault, "%s is longer than %zu bytes", what, max);
    if (!text_is_printable(text, len, max))
        return refuse(fault, "%s has a control character%s", what,
                      strchr(text, JSON_HALF) == NULL ? "" : ", or half of a surrogate pair");
    return true;
}

static bool read_text(const cJSON *tree, const char *name, size_t max, const char **text,
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
        return refuse(fault, "is not an object");
    if (!read_text(value, "sku", ORDER_MAX_TEXT, &item->sku, fault) ||
        !find_member(value, "qty", &qty, fault))
        return false;
    if (!cJSON_IsNumber(qty))
        return refuse(fault, "qty is not a number");
    if (!json_integer(qty, 1, ORDER_MAX_QTY, &count))
        return refuse(fault, "qty is not an integer from 1 to %d", ORDER_MAX_QTY);
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
        return refuse(fault, "items is not an array");
    for (value = items->child; value != NULL; value = value->next)
        count++;
    if (count == 0)
        return refuse(fault, "items is empty");
    if (count > ORDER_MAX_ITEMS)
        return refuse(fault, "items has more than %d entries", ORDER_MAX_ITEMS);
    order->items = xcalloc(count, sizeof *order->items);
    for (value = items->child; value != NULL; value = value->next) {
        if (!read_item(value, &order->items[order->item_count], fault)) {
            const struct order_fault of_item = *fault;

            return refuse(fault, "items[%zu]%s%s", order->item_count,
                          cJSON_IsObject(value) ? "." : " ", of_item.reason);
        }
        order->item_count++;
    }
    return true;
}

/* What an order and an event have in common. */
static bool read_body(struct order *order, struct order_fault *fault)
{
    return read_text(order->tree, "user_id", ORDER_MAX_TEXT, &order->user_id, fault) &&
           read_text(order->tree, "restaurant_id", ORDER_MAX_TEXT, &order->restaurant_id, fault) &&
           read_items(order, fault);
}

static bool read_own_id(struct order *order, struct order_fault *fault)
{
    const cJSON *value;
    unsigned char id[UUID_BYTES];

    if (!json_member_once(order->tree, "order_id", &value))
        return refuse(fault, "order_id is there twice");
    if (value == NULL)
        return true;
    if (!cJSON_IsString(value) || !uuid_from_text(value->valuestring, id))
        return refuse(fault, "order_id is not a UUID");
    order->order_id = value->valuestring;
    return true;
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
        return refuse(fault, "not JSON: it is empty");
    if (format != NULL)
        return refuse(fault, "not JSON: it looks like %s", format->what);
    /* A letter or a dash may be the start of a word or number that JSON has. */
    guess = at <= start + 1 ? foreign_guess(text, len) : NULL;
    if (guess != NULL)
        return refuse(fault, "not JSON: it looks like %s", guess);
    return refuse(fault, "not JSON: %s (byte %zu)", reason, at + 1);
}

static bool refuse_kind(const cJSON *tree, struct order_fault *fault)
{
    const char *text = cJSON_GetStringValue(tree);

    if (cJSON_IsArray(tree))
        return refuse(fault, "not a JSON object, but an array");
    if (text != NULL && text[strspn(text, " \t\r\n")] == '{')
        return refuse(fault, "not a JSON object, but a string with JSON in it");
    return refuse(fault, "not a JSON object");
}

static bool read_tree(struct order *order, const char *text, size_t len, size_t max,
                      struct order_fault *fault)
{
    size_t mark = foreign_mark(text, len);
    unsigned traits;
    const char *reason;
    size_t at;

    memset(order, 0, sizeof *order);
    if (len > max)
        return refuse(fault, "too large: over %zu bytes", max);
    if (mark > 0) {
        text += mark;
        len -= mark;
    }
    reason = json_check(text, len, &traits, &at);
    if (reason != NULL)
        return refuse_text(text, len, reason, at, fault);
    order->tree = json_parse_scanned(text, len, traits);
    return cJSON_IsObject(order->tree) || refuse_kind(order->tree, fault);
}

bool order_read(struct order *order, const char *text, size_t len, struct order_fault *fault)
{
    if (read_tree(order, text, len, ORDER_MAX_SIZE, fault) && read_own_id(order, fault) &&
        read_body(order, fault))
        return true;
    order_free(order);
    return false;
}

bool order_read_piece(struct order *order, const struct json_piece *piece,
                      struct order_fault *fault)
{
    memset(order, 0, sizeof *order);
    order->tree = json_parse_scanned(piece->text, piece->len, piece->traits);
    if ((cJSON_IsObject(order->tree) || refuse_kind(order->tree, fault)) &&
        read_own_id(order, fault) && read_body(order, fault))
        return true;
    order_free(order);
    return false;
}

static enum event_verdict read_event(struct order *order, const char *type, const char *text,
                                     size_t len, struct order_fault *fault)
{
    const char *found;

    if (!read_tree(order, text, len, EVENT_MAX_SIZE, fault) ||
        !read_text(order->tree, "event_type", ORDER_MAX_TEXT, &found, fault))
        return EVENT_MALFORMED;
    if (strcmp(found, type) != 0) {
        (void)refuse(fault, "event_type is '%s', not '%s'", printable_text(found), type);
        return EVENT_OTHER_TYPE;
    }
    if (!read_text(order->tree, "order_id", ORDER_MAX_ID, &order->order_id, fault))
        return EVENT_MALFORMED;
    /* What others than OrderPlaced have besides is passed on as it is, and read by nobody. */
    return strcmp(type, EVENT_PLACED) != 0 || read_body(order, fault) ? EVENT_SOUND
                                                                      : EVENT_MALFORMED;
}

enum event_verdict event_read(struct order *order, const char *type, const char *text, size_t len,
                              struct order_fault *fault)
{
    enum event_verdict verdict = read_event(order, type, text, len, fault);

    if (verdict != EVENT_SOUND)
        order_free(order);
    return verdict;
}

void order_free(struct order *order)
{
    free(order->items);
    cJSON_Delete(order->tree);
    memset(order, 0, sizeof *order);
}

static void add_member(struct json_writer *line, const char *start, const char *text)
{
    json_writer_raw(line, start);
    json_writer_string(line, text);
}

static void add_item(struct json_writer *line, const struct order_item *item)
{
    add_member(line, "{\"sku\":", item->sku);
    json_writer_raw(line, ",\"qty\":");
    json_writer_number(line, (unsigned)item->qty);
    json_writer_raw(line, "}");
}

char *event_print(const struct order *order, const char *type, const char *order_id, int64_t ts_ms,
                  const char *reason)
{
    struct json_writer line;
    char ts[CLOCK_TEXT_SIZE];

    clock_rfc3339(ts_ms, ts);
    json_writer_start(&line);
    add_member(&line, "{\"event_type\":", type);
    add_member(&line, ",\"order_id\":", order_id);
    add_member(&line, ",\"user_id\":", order->user_id);
    add_member(&line, ",\"restaurant_id\":", order->restaurant_id);
    json_writer_raw(&line, ",\"items\":[");
    for (size_t i = 0; i < order->item_count; i++) {
        if (i > 0)
            json_writer_raw(&line, ",");
        add_item(&line, &order->items[i]);
    }
    add_member(&line, "],\"ts\":", ts);
    if (reason != NULL)
        add_member(&line, ",\"reason\":", reason);
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}

bool order_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    char *left;
    char *right;
    bool same;

    if (a_len == b_len && memcmp(a, b, a_len) == 0)
        return true;
    left = json_canonical(a, a_len, "order_id", JSON_NUMBERS_BY_VALUE);
    right = json_canonical(b, b_len, "order_id", JSON_NUMBERS_BY_VALUE);
    same = left != NULL && right != NULL && strcmp(left, right) == 0;
    cJSON_free(left);
    cJSON_free(right);
    return same;
}
