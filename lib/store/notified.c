#include "store/notified.h"

#include <stdio.h>

void notified_key(char key[NOTIFIED_KEY_SIZE], const char *order_id, enum notified_kind kind)
{
    static const char *const ends[] = {"", "\tfailed", "\treleased"};

    (void)snprintf(key, NOTIFIED_KEY_SIZE, "%s%s", order_id, ends[kind]);
}
