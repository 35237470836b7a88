#include "order/fields.h"

#include "base/memory.h"
#include "base/text.h"
#include "json/decimal.h"
#include "json/foreign.h"
#include "json/json.h"
#include "json/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool order_refuse(struct order_fault *fault, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fault->reason, sizeof fault->reason, format, arguments);
    va_end(arguments);
    return false;
}

size_t order_fault_member(const char *reason)
{
    size_t len = strcspn(reason, " :");
    bool is_whole = len == 3 && (strncmp(reason, "not", 3) == 0 || strncmp(reason, "too", 3) == 0);

    return is_whole ? 0 : len;
}

/* ---- members ---- */

/* Do the names differ only in case, and in '_', '-' and spaces? */
static bool is_like(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_- ");
        b += strspn(b, "_- ");
        if ((*a | 0x20) != (*b | 0x20) || *a == '\0' || *b == '\0')
            return *a == *b;
    }
}

/* Refuses object for a missing member; names one with a similar name, or where it is nested. */
static bool refuse_missing(const char *object, const char *name, struct order_fault *fault)
{
    cJSON *tree = json_parse_scanned(object, (size_t)(json_walk_past(object) - object),
                                     JSON_ODD_TEXT | JSON_LONG_NUMBER);
    const cJSON *other = tree->child;

    while (other != NULL && !is_like(other->string, name) && json_member(other, name) == NULL)
        other = other->next;
    if (other == NULL)
        (void)order_refuse(fault, "%s is missing", name);
    else if (is_like(other->string, name))
        (void)order_refuse(fault, "%s is missing: '%s' is not its name", name,
                           printable_text(other->string));
    else
        (void)order_refuse(fault, "%s is missing: it stands within '%s'", name,
                           printable_text(other->string));
    cJSON_Delete(tree);
    return false;
}

/* Of two members with one name, some parsers take the first and others the last. */
static bool check_once(const char *object, const struct json_field *field,
                       struct order_fault *fault)
{
    if (field->is_twice)
        return order_refuse(fault, "%s is there twice", field->name);
    return field->value != NULL || refuse_missing(object, field->name, fault);
}

bool order_read_text(struct order_reader *reader, const char *object,
                     const struct json_field *field, size_t max, const char **text)
{
    size_t len;

    if (!check_once(object, field, reader->fault))
        return false;
    if (*field->value != '"')
        return order_refuse(reader->fault, "%s is not a string", field->name);
    *text = reader->room;
    reader->room = json_walk_text(field->value, reader->room) + 1;
    len = (size_t)(reader->room - *text) - 1;
    if (len == 0)
        return order_refuse(reader->fault, "%s is empty", field->name);
    if (len > max)
        return order_refuse(reader->fault, "%s is longer than %zu bytes", field->name, max);
    /* People and other programs are shown it as it is. */
    if (!text_is_printable(*text, len, max))
        return order_refuse(reader->fault, "%s has a control character%s", field->name,
                            strchr(*text, JSON_HALF) == NULL ? ""
                                                             : ", or half of a surrogate pair");
    return true;
}

/* ---- the members that orders and events share ---- */

static bool read_qty(const char *object, const struct json_field *field, int *qty,
                     struct order_fault *fault)
{
    int64_t count;

    if (!check_once(object, field, fault))
        return false;
    if (*field->value != '-' && (*field->value < '0' || *field->value > '9'))
        return order_refuse(fault, "qty is not a number");
    if (!decimal_integer(field->value, (size_t)(json_walk_past(field->value) - field->value),
                         &count) ||
        count < 1 || count > ORDER_MAX_QTY)
        return order_refuse(fault, "qty is not an integer from 1 to %d", ORDER_MAX_QTY);
    *qty = (int)count;
    return true;
}

/* Reads the item at *at, and sets *at to its end. */
static bool read_item(struct order_reader *reader, const char **at, struct order_item *item)
{
    struct json_field fields[] = {{.name = "sku"}, {.name = "qty"}};
    const char *object = *at;

    if (*object != '{')
        return order_refuse(reader->fault, "is not an object");
    *at = json_walk_object(object, fields, 2);
    return order_read_text(reader, object, &fields[0], ORDER_MAX_TEXT, &item->sku) &&
           read_qty(object, &fields[1], &item->qty, reader->fault);
}

static bool has_too_many(const char *array)
{
    const char *at = array;
    size_t count = 0;

    while (count <= ORDER_MAX_ITEMS && (at = json_walk_element(at)) != NULL) {
        at = json_walk_past(at);
        count++;
    }
    return count > ORDER_MAX_ITEMS;
}

/* Refuses the items for the one at item, which was not read, or for their number. */
static bool refuse_items(struct order_reader *reader, const char *item)
{
    struct order_fault of_item;

    if (has_too_many(reader->fields[ITEMS].value))
        return order_refuse(reader->fault, "items has more than %d entries", ORDER_MAX_ITEMS);
    of_item = *reader->fault;
    return order_refuse(reader->fault, "items[%zu]%s%s", reader->order->item_count,
                        *item == '{' ? "." : " ", of_item.reason);
}

static bool read_items(struct order_reader *reader)
{
    const struct json_field *field = &reader->fields[ITEMS];
    struct order *order = reader->order;
    const char *at = field->value;
    size_t room = 0;

    if (!check_once(reader->object, field, reader->fault))
        return false;
    if (*at != '[')
        return order_refuse(reader->fault, "items is not an array");
    while ((at = json_walk_element(at)) != NULL) {
        const char *item = at;

        if (order->item_count == room) {
            room = room == 0 ? 4 : room * 2;
            order->items = xrealloc(order->items, room * sizeof *order->items);
        }
        if (order->item_count == ORDER_MAX_ITEMS ||
            !read_item(reader, &at, &order->items[order->item_count]))
            return refuse_items(reader, item);
        order->item_count++;
    }
    return order->item_count > 0 || order_refuse(reader->fault, "items is empty");
}

bool order_read_body(struct order_reader *reader)
{
    struct order *order = reader->order;

    return order_read_text(reader, reader->object, &reader->fields[USER_ID], ORDER_MAX_TEXT,
                           &order->user_id) &&
           order_read_text(reader, reader->object, &reader->fields[RESTAURANT_ID], ORDER_MAX_TEXT,
                           &order->restaurant_id) &&
           read_items(reader);
}

/* ---- the whole text ---- */

/* Returns the length of the white space at the start of text. */
static size_t space_before(const char *text, size_t len)
{
    size_t start = 0;

    while (start < len && memchr(" \t\r\n", text[start], 4) != NULL)
        start++;
    return start;
}

/* reason and at are json_check()'s. */
static bool refuse_text(const char *text, size_t len, const char *reason, size_t at,
                        struct order_fault *fault)
{
    const struct foreign *format = foreign_format(text, len);
    size_t start = space_before(text, len);
    const char *guess;

    if (start == len)
        return order_refuse(fault, "not JSON: it is empty");
    if (format != NULL)
        return order_refuse(fault, "not JSON: it looks like %s", format->what);
    /* A fault at the second byte counts too: "t" or "-" may start a JSON value. */
    guess = at <= start + 1 ? foreign_guess(text, len) : NULL;
    if (guess != NULL)
        return order_refuse(fault, "not JSON: it looks like %s", guess);
    return order_refuse(fault, "not JSON: %s (byte %zu)", reason, at + 1);
}

/* Refuses value, which is not an object, and says what it is. */
static bool refuse_kind(const char *value, size_t len, struct order_fault *fault)
{
    bool has_object = false;

    if (*value == '[')
        return order_refuse(fault, "not a JSON object, but an array");
    if (*value == '"') {
        char *text = xmalloc(len);

        (void)json_walk_text(value, text);
        has_object = text[strspn(text, " \t\r\n")] == '{';
        free(text);
    }
    return order_refuse(fault, "not a JSON object%s",
                        has_object ? ", but a string with JSON in it" : "");
}

bool order_open_scanned(struct order_reader *reader, const char *text, size_t len)
{
    static const struct json_field fields[ORDER_FIELDS] = {
        [EVENT_TYPE] = {.name = "event_type"}, [ORDER_ID] = {.name = "order_id"},
        [USER_ID] = {.name = "user_id"},       [RESTAURANT_ID] = {.name = "restaurant_id"},
        [ITEMS] = {.name = "items"},           [CONTACT] = {.name = "contact"}};

    memset(reader->order, 0, sizeof *reader->order);
    if (*text != '{')
        return refuse_kind(text, len, reader->fault);
    memcpy(reader->fields, fields, sizeof fields);
    reader->object = text;
    json_walk_object(text, reader->fields, ORDER_FIELDS);
    /* A decoded string is shorter than its text. */
    reader->order->texts = reader->room = xmalloc(len);
    return true;
}

bool order_open(struct order_reader *reader, const char *text, size_t len, size_t max)
{
    size_t mark = foreign_mark(text, len);
    const char *reason;
    unsigned traits;
    size_t at;

    memset(reader->order, 0, sizeof *reader->order);
    if (len > max)
        return order_refuse(reader->fault, "too large: over %zu bytes", max);
    text += mark;
    len -= mark;
    reason = json_check(text, len, &traits, &at);
    if (reason != NULL)
        return refuse_text(text, len, reason, at, reader->fault);
    reader->fault->is_json = true;
    at = space_before(text, len);
    return order_open_scanned(reader, text + at, len - at);
}
