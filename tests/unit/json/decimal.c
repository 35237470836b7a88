#include "json/decimal.h"

#include "unit.h"

#include <string.h>

static void finds_the_end_of_a_number(void)
{
    EQUAL(decimal_length("12,", 3), 2);
    EQUAL(decimal_length("-1.5e+10]", 9), 8);
    EQUAL(decimal_length("12", 2), 2);
    EQUAL(decimal_length("123", 2), 2);
    EQUAL(decimal_length("1\0002", 3), 1);
    EQUAL(decimal_length("x", 1), 0);
    EQUAL(decimal_length("", 0), 0);
}

static void reads_integers_however_they_are_written(void)
{
    static const struct {
        const char *number;
        int64_t integer;
    } numbers[] = {
        {"0", 0},
        {"-0", 0},
        {"0.000", 0},
        {"0e5", 0},
        {"0e99999999999999999999", 0},
        {"1", 1},
        {"-1", -1},
        {"1.0", 1},
        {"10e-1", 1},
        {"0.1e1", 1},
        {"0.001e3", 1},
        {"1E+2", 100},
        {"1e0002", 100},
        {"120", 120},
        {"1.20e2", 120},
        {"1000000.000", 1000000},
        {"-12.5e1", -125},
        {"999999999999999999", 999999999999999999},
        {"-999999999999999999", -999999999999999999},
        {"1e17", 100000000000000000},
        {"10000000000000000000e-2", 100000000000000000},
    };
    int64_t integer;

    for (size_t i = 0; i < COUNT(numbers); i++) {
        unit_row(numbers[i].number);
        integer = -77;
        if (CHECK(decimal_integer(numbers[i].number, strlen(numbers[i].number), &integer)))
            EQUAL(integer, numbers[i].integer);
    }
}

static void refuses_what_is_no_integer_or_too_long(void)
{
    static const char *const numbers[] = {"0.5",
                                          "1.5",
                                          "1e-1",
                                          "0.99999999999999999999",
                                          "1.00000000000000000001",
                                          "1000000000000000001",
                                          "1e18",
                                          "1e999",
                                          "1e999999999999999999",
                                          "1e9999999999999999999",
                                          "1e-9999999999999999999",
                                          "12345678901234567890"};
    int64_t integer;

    for (size_t i = 0; i < COUNT(numbers); i++) {
        unit_row(numbers[i]);
        CHECK(!decimal_integer(numbers[i], strlen(numbers[i]), &integer));
    }
}

static void writes_one_form_for_all_numbers_of_a_value(void)
{
    static const struct {
        const char *number;
        const char *canonical;
    } numbers[] = {
        {"0", "0"},
        {"-0.0", "0"},
        {"0e7", "0"},
        {"1", "1e0"},
        {"1.0", "1e0"},
        {"10e-1", "1e0"},
        {"0.1e1", "1e0"},
        {"-1.50", "-15e-1"},
        {"120", "12e1"},
        {"100200", "1002e2"},
        {"1002.00", "1002e0"},
        {"0.00120", "12e-4"},
        {"1.2e3", "12e2"},
        {"1E+3", "1e3"},
        {"1e-0003", "1e-3"},
        {"123456789012345678901234567890", "12345678901234567890123456789e1"},
        {"1e999999999999999999", "1e999999999999999999"},
        {"1e9999999999999999999", "1e9999999999999999999"},
        {"10e9999999999999999999", "1e10000000000000000000"},
        {"0.1e10000000000000000000", "1e9999999999999999999"},
        {"1e-10000000000000000000", "1e-10000000000000000000"},
        {"10e-10000000000000000000", "1e-9999999999999999999"},
        {"0.01e-9999999999999999999", "1e-10000000000000000001"},
        {"1e00000000000000000000000012", "1e12"},
    };
    char canonical[128];

    for (size_t i = 0; i < COUNT(numbers); i++) {
        size_t len = strlen(numbers[i].number);
        size_t written = decimal_canonical(numbers[i].number, len, canonical);

        unit_row(numbers[i].number);
        SAME_BYTES(canonical, written, numbers[i].canonical, strlen(numbers[i].canonical));
        CHECK(written <= DECIMAL_CANONICAL_MAX(len));
    }
}

int main(void)
{
    RUN(finds_the_end_of_a_number);
    RUN(reads_integers_however_they_are_written);
    RUN(refuses_what_is_no_integer_or_too_long);
    RUN(writes_one_form_for_all_numbers_of_a_value);
    return unit_end();
}
