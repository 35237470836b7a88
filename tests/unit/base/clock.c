#include "base/clock.h"

#include "unit.h"

/* Seconds as date(1) of GNU has them. */
static const struct {
    int64_t ms;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {999, "1970-01-01T00:00:00.999Z"},
    {1000, "1970-01-01T00:00:01.000Z"},
    {68212800000, "1972-02-29T12:00:00.000Z"},
    {946598400000, "1999-12-31T00:00:00.000Z"},
    {951782399999, "2000-02-28T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {1735689599120, "2024-12-31T23:59:59.120Z"},
    {1769903999007, "2026-01-31T23:59:59.007Z"},
    {1772323200000, "2026-03-01T00:00:00.000Z"},
    {2147483648000, "2038-01-19T03:14:08.000Z"},
    {4107542399000, "2100-02-28T23:59:59.000Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void writes_rfc3339(void)
{
    char text[CLOCK_TEXT_SIZE];

    for (size_t i = 0; i < COUNT(times); i++) {
        clock_rfc3339(times[i].ms, text);
        SAME(text, times[i].text);
    }
}

static void writes_the_nearest_of_times_out_of_range(void)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(-1, text);
    SAME(text, "1970-01-01T00:00:00.000Z");
    clock_rfc3339(INT64_MIN, text);
    SAME(text, "1970-01-01T00:00:00.000Z");
    clock_rfc3339(253402300800000, text);
    SAME(text, "9999-12-31T23:59:59.999Z");
    clock_rfc3339(INT64_MAX, text);
    SAME(text, "9999-12-31T23:59:59.999Z");
}

/* The text of a second is kept for the next call. */
static void writes_the_same_second_twice(void)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(1769903999007, text);
    clock_rfc3339(1769903999890, text);
    SAME(text, "2026-01-31T23:59:59.890Z");
    clock_rfc3339(1769904000000, text);
    SAME(text, "2026-02-01T00:00:00.000Z");
}

static void reads_what_it_writes(void)
{
    int64_t ms;

    for (size_t i = 0; i < COUNT(times); i++) {
        unit_row(times[i].text);
        ms = -1;
        if (CHECK(clock_read_rfc3339(times[i].text, &ms)))
            EQUAL(ms, times[i].ms);
    }
}

static void reads_any_fraction_or_none(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"2026-01-31T23:59:59Z", 1769903999000},
                {"2026-01-31T23:59:59.9Z", 1769903999900},
                {"2026-01-31T23:59:59.04Z", 1769903999040},
                {"2026-01-31T23:59:59.123956789012Z", 1769903999123}};
    int64_t ms;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].text);
        ms = -1;
        if (CHECK(clock_read_rfc3339(rows[i].text, &ms)))
            EQUAL(ms, rows[i].ms);
    }
}

/* As Python's isoformat() and date(1) -Iseconds write them. */
static void reads_offsets(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"2026-01-31T23:59:59.007123+00:00", 1769903999007},
                {"2026-02-01T01:59:59+02:00", 1769903999000},
                {"2026-01-31T18:14:59.5-05:45", 1769903999500},
                {"1970-01-01T01:00:00+01:00", 0}};
    int64_t ms;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].text);
        ms = -1;
        if (CHECK(clock_read_rfc3339(rows[i].text, &ms)))
            EQUAL(ms, rows[i].ms);
    }
}

static void refuses_what_is_no_time(void)
{
    static const char *const texts[] = {
        "",
        "Z",
        "2026-01-31",
        "2026-01-31T23:59:59",
        "2026-01-31T23:59:59+0000",
        "2026-01-31T23:59:59+00",
        "2026-01-31T23:59:59+24:00",
        "2026-01-31T23:59:59+00:60",
        "2026-01-31T23:59:59+-1:00",
        "2026-01-31T23:59:59+00:00Z",
        "2026-01-31T23:59:59 00:00",
        "2026-01-31T23:59:59.+00:00",
        "1970-01-01T00:59:59+01:00",
        "9999-12-31T23:00:00-01:00",
        "2026-01-31T23:59:59z",
        "2026-01-31T23:59:59Z ",
        " 2026-01-31T23:59:59Z",
        "2026-01-31 23:59:59Z",
        "2026-01-31T23:59:59,5Z",
        "2026-01-31T23:59:59.5",
        "2026-01-31T23:59:59.Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-13-10T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:60:00Z",
        "2026-01-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "2026- 1-31T23:59:59Z",
        "2026-+1-31T23:59:59Z",
        "2026-01-31T-1:59:59Z",
        "20x6-01-31T23:59:59Z",
        "yyyy-mm-ddThh:mm:ssZ",
    };
    int64_t ms;

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        CHECK(!clock_read_rfc3339(texts[i], &ms));
    }
}

static void tells_the_time(void)
{
    int64_t before = clock_monotonic_ms();

    CHECK(clock_utc_ms() > 1700000000000);
    CHECK(clock_monotonic_ms() >= before);
    CHECK(clock_monotonic_us() / 1000 >= before && clock_monotonic_us() / 1000 < before + 60000);
}

int main(void)
{
    RUN(writes_rfc3339);
    RUN(writes_the_nearest_of_times_out_of_range);
    RUN(writes_the_same_second_twice);
    RUN(reads_what_it_writes);
    RUN(reads_any_fraction_or_none);
    RUN(reads_offsets);
    RUN(refuses_what_is_no_time);
    RUN(tells_the_time);
    return unit_end();
}
