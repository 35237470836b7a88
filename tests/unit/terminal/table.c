#include "terminal/table.h"

#include "unit.h"

#include "base/output.h"

#include <locale.h>

static const struct table_column columns[] = {
    {"NAME", COLUMNS_LEFT}, {"N", COLUMNS_RIGHT}, {"LAST", COLUMNS_LEFT}};

static void prints_columns_as_wide_as_what_stands_in_them(void)
{
    struct table *table = table_new(columns, COUNT(columns));

    table_add(table, "a");
    table_add(table, "1");
    table_add(table, "x");
    table_add(table, "longer");
    table_add(table, "1000");
    table_add(table, "");
    table_add(table, "\xE6\xBC\xA2\xE6\xBC\xA2");
    table_add(table, "");
    table_add(table, "longest");
    EQUAL(table_print(table), EXIT_OK);
    EQUAL(output_flush(), EXIT_OK);
    SAME(unit_captured(1), "NAME      N LAST\n"
                           "a         1 x\n"
                           "longer 1000\n"
                           "\xE6\xBC\xA2\xE6\xBC\xA2        longest\n");
    table_free(table);
}

static void prints_the_headings_of_no_rows(void)
{
    struct table *table = table_new(columns, COUNT(columns));

    EQUAL(table_print(table), EXIT_OK);
    EQUAL(output_flush(), EXIT_OK);
    SAME(unit_captured(1), "NAME N LAST\n");
    table_free(table);
}

int main(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    unit_capture(1);
    RUN(prints_columns_as_wide_as_what_stands_in_them);
    RUN(prints_the_headings_of_no_rows);
    return unit_end();
}
