#include "base/moment.h"

#include "unit.h"

#define NOW INT64_C(1769903999000)

static void reads_moments(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0s", NOW},
        {"90s", NOW - 90000},
        {"15m", NOW - 900000},
        {"2h", NOW - 7200000},
        {"3d", NOW - 259200000},
        {"2w", NOW - 1209600000},
        {"2026-01-31T23:59:59Z", NOW},
        {"1970-01-01T00:00:01Z", 1000},
        {"1970-01-01T00:00:00Z", 1},
        {"1000000000s", NOW - 1000000000000},
        {"1000000000d", 1},
    };
    int64_t ms;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].text);
        ms = -1;
        if (CHECK(moment_read(rows[i].text, NOW, &ms)))
            EQUAL(ms, rows[i].ms);
    }
}

static void refuses_what_is_no_moment(void)
{
    static const char *const texts[] = {
        "",          "5",    "s",  "-5s", "+5s",  " 5s",         "5 s",
        "5y",        "5sec", "5S", "now", "1.5h", "1000000001s", "99999999999999999999s",
        "2026-01-31"};
    int64_t ms;

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        CHECK(!moment_read(texts[i], NOW, &ms));
        CHECK(!moment_read_age(texts[i], &ms));
    }
    CHECK(!moment_read_age("2026-01-31T12:00:00Z", &ms));
}

int main(void)
{
    RUN(reads_moments);
    RUN(refuses_what_is_no_moment);
    return unit_end();
}
