#include "order/people.h"

#include "json/json.h"
#include "json/walk.h"

#include <string.h>

#define ESCAPED_SIZE (6 * ORDER_MAX_TEXT + 2) /* \uXXXX for each byte, and quotation marks */

static void read_text(const char *value, char text[ORDER_MAX_TEXT + 1])
{
    char room[ESCAPED_SIZE + 1];
    size_t len;

    *text = '\0';
    if (value == NULL || *value != '"' || json_walk_past(value) - value > ESCAPED_SIZE)
        return;
    len = (size_t)(json_walk_text(value, room) - room);
    if (len <= ORDER_MAX_TEXT)
        memcpy(text, room, len + 1);
}

void people_read(const char *data, size_t len, char user_id[ORDER_MAX_TEXT + 1],
                 char restaurant_id[ORDER_MAX_TEXT + 1])
{
    struct json_field fields[] = {{.name = "user_id"}, {.name = "restaurant_id"}};
    unsigned traits;
    size_t at;

    if (len > 0 && *data == '{' && json_check(data, len, &traits, &at) == NULL)
        (void)json_walk_object(data, fields, 2);
    read_text(fields[0].value, user_id);
    read_text(fields[1].value, restaurant_id);
}
