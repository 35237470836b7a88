#include "order-http/list_query.h"

#include "unit.h"

#include <string.h>

#define ID "01a20412-a707-7156-911b-31ac21cf1797"

static void takes_all_three(void)
{
    struct list_query query = {.limit = 0};
    unsigned char id[UUID_BYTES];

    SAME(list_query_take(&query, "status", "PLACED"), NULL);
    SAME(list_query_take(&query, "limit", "25"), NULL);
    SAME(list_query_take(&query, "after", "01A20412-A707-7156-911B-31AC21CF1797"), NULL);
    CHECK(query.has_after && query.has_status);
    CHECK(uuid_from_text(ID, id));
    SAME_BYTES(query.after, UUID_BYTES, id, UUID_BYTES);
    EQUAL(query.limit, 25);
    EQUAL(query.status, ORDER_PLACED);
}

static void takes_the_least_and_the_most(void)
{
    static const struct {
        const char *text;
        size_t limit;
    } rows[] = {{"1", 1}, {"1000", 1000}, {"0001", 1}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct list_query query = {.limit = 0};

        SAME(list_query_take(&query, "limit", rows[i].text), NULL);
        EQUAL(query.limit, rows[i].limit);
    }
}

static void refuses_the_rest(void)
{
    static const struct {
        const char *name;
        const char *value;
        const char *reason;
    } rows[] = {
        {"after", "", "is not an order id"},
        {"after", "A-17", "is not an order id"},
        {"after", ID "0", "is not an order id"},
        {"after", " " ID, "is not an order id"},
        {"limit", "", "is not an integer from 1 to 1000"},
        {"limit", "0", "is not an integer from 1 to 1000"},
        {"limit", "1001", "is not an integer from 1 to 1000"},
        {"limit", "-1", "is not an integer from 1 to 1000"},
        {"limit", "+1", "is not an integer from 1 to 1000"},
        {"limit", "1e2", "is not an integer from 1 to 1000"},
        {"limit", " 1", "is not an integer from 1 to 1000"},
        {"limit", "18446744073709551617", "is not an integer from 1 to 1000"},
        {"status", "", "is not " ORDER_STATUS_NAMES},
        {"status", "placed", "is not " ORDER_STATUS_NAMES},
        {"status", "PLACED ", "is not " ORDER_STATUS_NAMES},
        {"offset", "10", "is not a parameter: there are after, limit and status"},
        {"Limit", "10", "is not a parameter: there are after, limit and status"},
        {"", "", "is not a parameter: there are after, limit and status"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct list_query query = {.limit = 0};

        unit_row(rows[i].value);
        SAME(list_query_take(&query, rows[i].name, rows[i].value), rows[i].reason);
    }
}

static void refuses_what_is_there_twice(void)
{
    static const char *const rows[][2] = {{"after", ID}, {"limit", "1"}, {"status", "PENDING"}};
    struct list_query query = {.limit = 0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i][0]);
        SAME(list_query_take(&query, rows[i][0], rows[i][1]), NULL);
        SAME(list_query_take(&query, rows[i][0], rows[i][1]), "is given twice");
    }
}

static void names_the_next_page(void)
{
    struct list_query query = {.limit = 2, .has_after = true};
    unsigned char last[UUID_BYTES];
    char link[LIST_QUERY_LINK_SIZE];

    CHECK(uuid_from_text(ID, last));
    list_query_next(&query, last, link);
    SAME(link, "</orders?after=" ID "&limit=2>; rel=\"next\"");
    query.limit = LIST_QUERY_MAX;
    query.has_status = true;
    query.status = ORDER_PENDING;
    list_query_next(&query, last, link);
    SAME(link, "</orders?after=" ID "&limit=1000&status=PENDING>; rel=\"next\"");
}

int main(void)
{
    RUN(takes_all_three);
    RUN(takes_the_least_and_the_most);
    RUN(refuses_the_rest);
    RUN(refuses_what_is_there_twice);
    RUN(names_the_next_page);
    return unit_end();
}
