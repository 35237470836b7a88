#include "store/mover.h"

#include "unit.h"

#include <string.h>

#define ROWS 1000

/* Rows of the notified customers, whose texts have many lengths, 0 among them. */
static void fill(struct moved_page *page)
{
    moved_page_start(page, &moved_parts(MOVED_NOTIFIED)->all[0]);
    for (int row = 0; row < ROWS; row++) {
        char text[ROWS + 1];

        moved_page_add_row(page);
        memset(text, 'a' + row % 26, sizeof text);
        moved_page_bytes(page, 0, text, (size_t)row);
        moved_page_number(page, 1, row);
        moved_page_number(page, 3, -row);
    }
}

static void keeps_values_while_it_grows(void)
{
    struct moved_page page = {0};

    fill(&page);
    EQUAL(page.rows, ROWS);
    for (size_t row = 0; row < ROWS; row++) {
        struct moved_value text = moved_page_value(&page, row, 0);

        EQUAL(text.len, row);
        EQUAL(strlen(text.bytes), row);
        CHECK(row == 0 || text.bytes[row - 1] == (char)('a' + row % 26));
        EQUAL(moved_page_value(&page, row, 1).number, (int64_t)row);
        EQUAL(moved_page_value(&page, row, 2).number, 0);
        EQUAL(moved_page_value(&page, row, 3).number, -(int64_t)row);
    }
    moved_page_free(&page);
}

static void compares_rows(void)
{
    struct moved_page page = {0};
    struct moved_page other = {0};

    fill(&page);
    fill(&other);
    CHECK(moved_page_equals(&page, &other));
    moved_page_number(&other, 2, 1);
    CHECK(!moved_page_equals(&page, &other));
    moved_page_number(&other, 2, 0);
    CHECK(moved_page_equals(&page, &other));
    moved_page_bytes(&other, 0, "b", 1);
    CHECK(!moved_page_equals(&page, &other));
    fill(&other);
    moved_page_add_row(&other);
    CHECK(!moved_page_equals(&page, &other));
    moved_page_start(&page, &moved_parts(MOVED_NOTIFIED)->all[0]);
    moved_page_start(&other, &moved_parts(MOVED_NOTIFIED)->all[0]);
    CHECK(moved_page_equals(&page, &other));
    moved_page_free(&page);
    moved_page_free(&other);
}

static void every_part_begins_with_a_key(void)
{
    static const enum moved_domain domains[] = {MOVED_ORDERS, MOVED_LEDGER, MOVED_NOTIFIED};

    for (size_t i = 0; i < COUNT(domains); i++) {
        const struct moved_parts *parts = moved_parts(domains[i]);

        CHECK(parts->count >= 1 && parts->count <= MOVED_PARTS_MAX);
        for (size_t part = 0; part < parts->count; part++) {
            CHECK(parts->all[part].columns <= MOVED_COLUMNS_MAX);
            CHECK(parts->all[part].types[0] == MOVED_NUMBER ||
                  parts->all[part].types[0] == MOVED_TEXT);
        }
    }
}

int main(void)
{
    RUN(keeps_values_while_it_grows);
    RUN(compares_rows);
    RUN(every_part_begins_with_a_key);
    return unit_end();
}
