#include "trend.h"

#include <math.h>

#define LEVELS 8

static const char *const block_levels[LEVELS] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                                 "\u2585", "\u2586", "\u2587", "\u2588"};
static const char *const ascii_levels[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

void trend_add(struct trend *trend, int64_t at_ms, double value)
{
    trend->samples[trend->added++ % TREND_SAMPLES] =
        (struct trend_sample){.at_ms = at_ms, .value = value};
}

static size_t count_of(const struct trend *trend)
{
    return trend->added < TREND_SAMPLES ? trend->added : TREND_SAMPLES;
}

/* Returns the sample of this age: 0 for the newest. */
static const struct trend_sample *sample(const struct trend *trend, size_t age)
{
    return &trend->samples[(trend->added - 1 - age) % TREND_SAMPLES];
}

double trend_rate(const struct trend *trend)
{
    const struct trend_sample *newest;
    const struct trend_sample *base;
    size_t age = 1;

    if (trend->added < 2)
        return NAN;
    newest = sample(trend, 0);
    while (age + 1 < count_of(trend) && newest->at_ms - sample(trend, age)->at_ms < TREND_WINDOW_MS)
        age++;
    base = sample(trend, age);
    if (newest->at_ms <= base->at_ms)
        return NAN;
    return (newest->value - base->value) * 1000 / (double)(newest->at_ms - base->at_ms);
}

double trend_seconds_left(const struct trend *trend)
{
    double rate = trend_rate(trend);

    if (isnan(rate) || rate >= 0 || sample(trend, 0)->value <= 0)
        return NAN;
    return (double)(1 + (int64_t)(sample(trend, 0)->value / -rate));
}

/* Returns the highest value after after_ms and up to until_ms, or else the last before; or NaN. */
static double highest(const struct trend *trend, int64_t after_ms, int64_t until_ms)
{
    double value = NAN;

    for (size_t age = 0; age < count_of(trend); age++) {
        const struct trend_sample *each = sample(trend, age);

        if (each->at_ms > until_ms)
            continue;
        if (each->at_ms <= after_ms)
            return isnan(value) ? each->value : value;
        if (isnan(value) || each->value > value)
            value = each->value;
    }
    return value;
}

void trend_draw(const struct trend *trend, int64_t now_ms, int64_t span_ms, size_t columns,
                bool blocks, FILE *out)
{
    double top = highest(trend, now_ms - span_ms, now_ms);
    int64_t step = columns > 0 ? span_ms / (int64_t)columns : 0;

    for (size_t i = 0; i < columns; i++) {
        int64_t until = now_ms - (int64_t)(columns - 1 - i) * step;
        double value = highest(trend, until - step, until);
        /* The lowest level is for 0 alone. */
        size_t level = value > 0 ? 1 + (size_t)(value / top * (LEVELS - 2)) : 0;

        if (isnan(value))
            (void)fputc(' ', out);
        else
            (void)fputs(blocks ? block_levels[level] : ascii_levels[level], out);
    }
}
