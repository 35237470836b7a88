#include "queue-inspect/trend.h"

#include "unit.h"

#include <math.h>
#include <stdlib.h>

/* Adds values a second apart, the last of them at now_ms. */
static void add(struct trend *trend, const double *values, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++)
        trend_add(trend, now_ms - (int64_t)(count - 1 - i) * 1000, values[i]);
}

static void knows_no_rate_of_one_value(void)
{
    struct trend trend = {0};

    CHECK(isnan(trend_rate(&trend)));
    CHECK(isnan(trend_seconds_left(&trend)));
    trend_add(&trend, 1000, 5);
    CHECK(isnan(trend_rate(&trend)));
    trend_add(&trend, 1000, 4);
    CHECK(isnan(trend_rate(&trend)));
}

static void knows_the_rate_of_the_last_ten_seconds(void)
{
    static const double values[] = {1000, 900, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 30};
    struct trend trend = {0};

    add(&trend, values, 2, 1000);
    CHECK(trend_rate(&trend) == -100);
    trend = (struct trend){0};
    /* The base is the value of ten seconds ago: 50. */
    add(&trend, values, COUNT(values), 20000);
    CHECK(trend_rate(&trend) == -2);
    /* Less than ten seconds: the oldest that there is. */
    trend = (struct trend){0};
    add(&trend, values + 2, 5, 20000);
    CHECK(trend_rate(&trend) == 0);
}

static void takes_a_sample_more_than_ten_seconds(void)
{
    struct trend trend = {0};

    trend_add(&trend, 0, 100);
    trend_add(&trend, 8000, 90);
    trend_add(&trend, 18001, 70);
    CHECK(fabs(trend_rate(&trend) + 20 * 1000 / 10001.0) < 1e-9);
    trend_add(&trend, 20000, 80);
    /* The first at ten seconds or more: 8000. */
    CHECK(fabs(trend_rate(&trend) + 10 * 1000 / 12000.0) < 1e-9);
}

static void knows_when_it_will_be_zero(void)
{
    static const struct {
        double values[2];
        double left;
    } rows[] = {{{110, 100}, 11},  {{103, 100}, 34},  {{101, 1}, 1},   {{200, 0}, NAN},
                {{100, 100}, NAN}, {{100, 110}, NAN}, {{10.5, 10}, 21}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct trend trend = {0};
        double left;

        add(&trend, rows[i].values, 2, 1000);
        left = trend_seconds_left(&trend);
        CHECK(isnan(rows[i].left) ? isnan(left) : left == rows[i].left);
    }
}

static void check_drawn(const struct trend *trend, int64_t now_ms, int64_t span_ms, size_t columns,
                        bool blocks, const char *expected)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!CHECK(out != NULL))
        return;
    trend_draw(trend, now_ms, span_ms, columns, blocks, out);
    (void)fclose(out);
    SAME(text, expected);
    free(text);
}

static void draws(void)
{
    static const double values[] = {0, 1, 2, 3, 4, 5, 6, 7, 0};
    static const double two[] = {0, 5};
    struct trend trend = {0};

    check_drawn(&trend, 9000, 9000, 3, false, "   ");
    check_drawn(&trend, 9000, 9000, 0, false, "");
    add(&trend, values, COUNT(values), 9000);
    /* The highest is a full block; the lowest is for nothing at all. */
    check_drawn(&trend, 9000, 9000, 9, false, "_.:-=+*#_");
    check_drawn(&trend, 9000, 9000, 9, true,
                "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588\u2581");
    /* The highest of each three. */
    check_drawn(&trend, 9000, 9000, 3, false, ":+#");
    /* Before the first, nothing is known. */
    check_drawn(&trend, 9000, 11000, 11, false, "  _.:-=+*#_");
    /* Without a sample in a column, the last before it counts; after the last, too. */
    trend = (struct trend){0};
    add(&trend, two, 2, 5000);
    check_drawn(&trend, 6000, 4000, 8, false, "   __###");
}

/* The highest counts only within the span. */
static void draws_by_the_highest_of_the_span(void)
{
    static const double values[] = {1000, 1, 2};
    struct trend trend = {0};

    add(&trend, values, COUNT(values), 3000);
    check_drawn(&trend, 3000, 2000, 2, false, "=#");
}

static void forgets_the_oldest(void)
{
    struct trend trend = {0};

    for (int64_t i = 0; i < TREND_SAMPLES + 10; i++)
        trend_add(&trend, i * 10, (double)i);
    /* One value in 10 ms: 512 of them are 5.12 s. */
    CHECK(fabs(trend_rate(&trend) - 100) < 1e-9);
    /* The first that is kept is of 100 ms. */
    check_drawn(&trend, 150, 150, 3, false, " +#");
}

int main(void)
{
    RUN(knows_no_rate_of_one_value);
    RUN(knows_the_rate_of_the_last_ten_seconds);
    RUN(takes_a_sample_more_than_ten_seconds);
    RUN(knows_when_it_will_be_zero);
    RUN(draws);
    RUN(draws_by_the_highest_of_the_span);
    RUN(forgets_the_oldest);
    return unit_end();
}
