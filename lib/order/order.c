#include "order/order.h"

#include "base/uuid.h"
#include "json/canonical.h"
#include "order/contact.h"
#include "order/fields.h"

#include <stdlib.h>
#include <string.h>

static bool read_own_id(struct order_reader *reader)
{
    const struct json_field *field = &reader->fields[ORDER_ID];
    unsigned char id[UUID_BYTES];
    const char *text = reader->room;

    if (field->is_twice)
        return order_refuse(reader->fault, "order_id is there twice");
    if (field->value == NULL)
        return true;
    if (*field->value != '"')
        return order_refuse(reader->fault, "order_id is not a UUID");
    reader->room = json_walk_text(field->value, reader->room) + 1;
    if (!uuid_from_text(text, id))
        return order_refuse(reader->fault, "order_id is not a UUID");
    reader->order->order_id = text;
    return true;
}

static bool finish(struct order_reader *reader, bool is_open)
{
    if (is_open && read_own_id(reader) && order_read_body(reader) && contact_read(reader))
        return true;
    order_free(reader->order);
    return false;
}

bool order_read(struct order *order, const char *text, size_t len, struct order_fault *fault)
{
    struct order_reader reader = {.order = order, .fault = fault};

    fault->is_json = false;
    return finish(&reader, order_open(&reader, text, len, ORDER_MAX_SIZE));
}

bool order_read_piece(struct order *order, const struct json_piece *piece,
                      struct order_fault *fault)
{
    struct order_reader reader = {.order = order, .fault = fault};

    return finish(&reader, order_open_scanned(&reader, piece->text, piece->len));
}

bool order_read_stored(struct order *order, const char *text, size_t len, struct order_fault *fault)
{
    struct order_reader reader = {.order = order, .fault = fault};

    if (!order_open(&reader, text, len, ORDER_MAX_SIZE) || !read_own_id(&reader) ||
        !order_read_body(&reader)) {
        order_free(order);
        return false;
    }
    contact_read_if_sound(&reader);
    return true;
}

void order_free(struct order *order)
{
    free(order->contact);
    free(order->items);
    free(order->texts);
    memset(order, 0, sizeof *order);
}

bool order_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return (a_len == b_len && memcmp(a, b, a_len) == 0) ||
           json_same(a, a_len, b, b_len, "order_id", JSON_NUMBERS_BY_VALUE);
}
