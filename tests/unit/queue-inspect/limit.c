#include "queue-inspect/limit.h"

#include "unit.h"

#include <stddef.h>

static void reads_one_or_two(void)
{
    static const struct {
        const char *text;
        int warning;
        int critical;
        bool of_ages;
    } rows[] = {{"0", 0, LIMIT_NONE, false},           {"5,5", 5, 5, false},
                {"7,1000000000", 7, LIMIT_MAX, false}, {"90s", 90, LIMIT_NONE, true},
                {"15m,2h", 900, 7200, true},           {"3d,2w", 259200, 1209600, true}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limit limit = LIMIT_UNSET;

        unit_row(rows[i].text);
        CHECK(rows[i].of_ages ? limit_read_ages(&limit, rows[i].text)
                              : limit_read_numbers(&limit, rows[i].text));
        EQUAL(limit.warning, rows[i].warning);
        EQUAL(limit.critical, rows[i].critical);
        CHECK(limit_is_set(limit));
    }
}

static void refuses_what_is_no_limit(void)
{
    static const char *const numbers[] = {"",   ",",  "5,",  ",5",         "5,4", "1,2,3",
                                          "-1", "+1", "1.5", "1000000001", "5m",  "5 "};
    static const char *const ages[] = {
        "", "5", "5x", "2h,1h", "1h,", "2026-01-31T12:00:00Z", "-1h", "1000000001s"};
    struct limit limit;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        unit_row(numbers[i]);
        CHECK(!limit_read_numbers(&limit, numbers[i]));
    }
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        unit_row(ages[i]);
        CHECK(!limit_read_ages(&limit, ages[i]));
    }
}

int main(void)
{
    RUN(reads_one_or_two);
    RUN(refuses_what_is_no_limit);
    return unit_end();
}
