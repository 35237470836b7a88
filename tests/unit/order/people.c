#include "order/people.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static void reads_them(void)
{
    static const struct {
        const char *data;
        const char *user_id;
        const char *restaurant_id;
    } rows[] = {
        {"{\"user_id\":\"u\",\"restaurant_id\":\"r\",\"items\":[]}", "u", "r"},
        {"{\"a\":{\"user_id\":\"x\"},\"restaurant_id\":\"\\u00fc\\n\",\"\\u0075ser_id\":\"y\"}",
         "y", "\xc3\xbc\n"},
        {"{\"user_id\":1,\"restaurant_id\":null}", "", ""},
        {"{}", "", ""},
        {"[]", "", ""},
        {"{\"user_id\":\"u\"", "", ""},
        {"", "", ""},
    };
    char user_id[ORDER_MAX_TEXT + 1];
    char restaurant_id[ORDER_MAX_TEXT + 1];

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].data);
        people_read(rows[i].data, strlen(rows[i].data), user_id, restaurant_id);
        SAME(user_id, rows[i].user_id);
        SAME(restaurant_id, rows[i].restaurant_id);
    }
}

static void takes_the_longest_and_no_longer(void)
{
    char data[8 * ORDER_MAX_TEXT];
    char user_id[ORDER_MAX_TEXT + 1];
    char restaurant_id[ORDER_MAX_TEXT + 1];

    for (size_t len = ORDER_MAX_TEXT; len <= ORDER_MAX_TEXT + 1; len++) {
        int size =
            snprintf(data, sizeof data, "{\"user_id\":\"%0*d\",\"restaurant_id\":\"", (int)len, 7);

        for (size_t i = 0; i < len; i++)
            size += snprintf(data + size, sizeof data - (size_t)size, "\\u0061");
        size += snprintf(data + size, sizeof data - (size_t)size, "\"}");
        people_read(data, (size_t)size, user_id, restaurant_id);
        EQUAL(strlen(user_id), len == ORDER_MAX_TEXT ? len : 0);
        EQUAL(strlen(restaurant_id), len == ORDER_MAX_TEXT ? len : 0);
    }
}

int main(void)
{
    RUN(reads_them);
    RUN(takes_the_longest_and_no_longer);
    return unit_end();
}
