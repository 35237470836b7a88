#include "store/orders.h"

#include "base/memory.h"

#include <string.h>

static const char *const names[ORDER_STATUS_COUNT] = {
    [ORDER_PENDING] = "PENDING",     [ORDER_PLACED] = "PLACED",
    [ORDER_RESERVED] = "RESERVED",   [ORDER_FAILED] = "FAILED",
    [ORDER_CANCELLED] = "CANCELLED", [ORDER_HANDED_OVER] = "HANDED_OVER"};

const char *order_status_name(enum order_status status)
{
    return names[status];
}

bool order_status_read(const char *name, enum order_status *status)
{
    for (size_t i = 0; i < ORDER_STATUS_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *status = (enum order_status)i;
            return true;
        }
    return false;
}

void order_keys_add(struct order_keys *keys, int64_t key)
{
    if (keys->count == keys->size) {
        keys->size = keys->size == 0 ? 256 : 2 * keys->size;
        keys->all = xrealloc(keys->all, keys->size * sizeof *keys->all);
    }
    keys->all[keys->count++] = key;
}
