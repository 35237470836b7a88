#include "order/order.h"

#include "base/uuid.h"
#include "json/canonical.h"
#include "json/json.h"
#include "order/fields.h"

#include <stdlib.h>
#include <string.h>

static bool read_own_id(struct order *order, struct order_fault *fault)
{
    const cJSON *value;
    unsigned char id[UUID_BYTES];

    if (!json_member_once(order->tree, "order_id", &value))
        return order_refuse(fault, "order_id is there twice");
    if (value == NULL)
        return true;
    if (!cJSON_IsString(value) || !uuid_from_text(value->valuestring, id))
        return order_refuse(fault, "order_id is not a UUID");
    order->order_id = value->valuestring;
    return true;
}

bool order_read(struct order *order, const char *text, size_t len, struct order_fault *fault)
{
    if (order_read_tree(order, text, len, ORDER_MAX_SIZE, fault) && read_own_id(order, fault) &&
        order_read_body(order, fault))
        return true;
    order_free(order);
    return false;
}

bool order_read_piece(struct order *order, const struct json_piece *piece,
                      struct order_fault *fault)
{
    memset(order, 0, sizeof *order);
    order->tree = json_parse_scanned(piece->text, piece->len, piece->traits);
    if ((cJSON_IsObject(order->tree) || order_refuse_kind(order->tree, fault)) &&
        read_own_id(order, fault) && order_read_body(order, fault))
        return true;
    order_free(order);
    return false;
}

void order_free(struct order *order)
{
    free(order->items);
    cJSON_Delete(order->tree);
    memset(order, 0, sizeof *order);
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
