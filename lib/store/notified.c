#include "store/notified.h"

#include <string.h>

void notified_key(char key[NOTIFIED_KEY_SIZE], const char *order_id, enum notified_kind kind)
{
    static const char *const ends[] = {"", "\tfailed", "\treleased"};
    size_t len = strlen(order_id);

    memcpy(key, order_id, len);
    memcpy(key + len, ends[kind], strlen(ends[kind]) + 1);
}
