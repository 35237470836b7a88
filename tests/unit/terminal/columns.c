#include "terminal/columns.h"

#include "unit.h"

#include <locale.h>
#include <stdlib.h>

#define UMLAUT "\xC3\xBC"        /* of one column */
#define WIDE "\xE6\xBC\xA2"      /* a CJK ideograph: of two */
#define PIZZA "\xF0\x9F\x8D\x95" /* of two */
#define COMBINING "e\xCC\x81"    /* an accent of none, on a letter */

static void measures_text(void)
{
    EQUAL(columns_of(""), 0);
    EQUAL(columns_of("plain"), 5);
    EQUAL(columns_of(UMLAUT "x"), 2);
    EQUAL(columns_of(WIDE "x"), 3);
    EQUAL(columns_of(PIZZA), 2);
    EQUAL(columns_of(COMBINING), 1);
}

static void finds_what_fits(void)
{
    EQUAL(columns_fit("plain", 0), 0);
    EQUAL(columns_fit("plain", 3), 3);
    EQUAL(columns_fit("plain", 9), 5);
    EQUAL(columns_fit(UMLAUT UMLAUT, 1), 2);
    EQUAL(columns_fit(WIDE WIDE, 1), 0);
    EQUAL(columns_fit(WIDE WIDE, 3), 3);
    EQUAL(columns_fit(COMBINING "x", 1), 3);
}

static void puts_exactly_so_many_columns(void)
{
    static const struct {
        const char *text;
        size_t columns;
        enum columns_align align;
        const char *put;
    } rows[] = {
        {"ab", 4, COLUMNS_LEFT, "ab  "},
        {"ab", 4, COLUMNS_RIGHT, "  ab"},
        {"ab", 2, COLUMNS_LEFT, "ab"},
        {"", 2, COLUMNS_LEFT, "  "},
        {"", 0, COLUMNS_RIGHT, ""},
        {"abcdef", 5, COLUMNS_LEFT, "ab..."},
        {"abcdef", 5, COLUMNS_RIGHT, "ab..."},
        {"abcdef", 3, COLUMNS_LEFT, "..."},
        {"abcdef", 2, COLUMNS_LEFT, "ab"},
        {"abcdef", 0, COLUMNS_LEFT, ""},
        {WIDE "x", 4, COLUMNS_LEFT, WIDE "x "},
        {WIDE WIDE WIDE, 5, COLUMNS_LEFT, WIDE "..."},
        {"a" WIDE WIDE WIDE, 5, COLUMNS_LEFT, "a... "},
        {"a" WIDE WIDE WIDE, 5, COLUMNS_RIGHT, " a..."},
        {WIDE, 1, COLUMNS_RIGHT, " "},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *text;
        size_t len;
        FILE *out = columns_start(&text, &len);

        unit_row(rows[i].put);
        columns_put(out, rows[i].text, rows[i].columns, rows[i].align);
        columns_finish(out);
        SAME(text, rows[i].put);
        free(text);
    }
}

/* A locale that knows no UTF-8: each character counts as one. */
static void counts_what_the_locale_does_not_know_as_one(void)
{
    (void)setlocale(LC_CTYPE, "C");
    EQUAL(columns_of(UMLAUT "x"), 2);
    EQUAL(columns_of(WIDE), 1);
}

int main(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    RUN(measures_text);
    RUN(finds_what_fits);
    RUN(puts_exactly_so_many_columns);
    RUN(counts_what_the_locale_does_not_know_as_one);
    return unit_end();
}
