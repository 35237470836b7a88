/*
 * trend: how a number has moved in the last minutes: how fast it falls, when it will be zero, and a
 * drawing of it.
 */
#ifndef QUEUE_INSPECT_TREND_H
#define QUEUE_INSPECT_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TREND_SAMPLES 512
#define TREND_WINDOW_MS 10000

struct trend_sample {
    int64_t at_ms;
    double value;
};

/* Ready when zeroed. */
struct trend {
    struct trend_sample samples[TREND_SAMPLES]; /* a ring; private, like all below */
    size_t added;
};

/* The value at a time, after all times before. The oldest value is forgotten for it if need be. */
void trend_add(struct trend *trend, int64_t at_ms, double value);

/* Its change a second, over the last TREND_WINDOW_MS or a sample more; NaN as long as there is but
 * one. */
double trend_rate(const struct trend *trend);

/* The whole seconds until it is zero if it goes on falling at that rate; NaN if it does not fall,
 * or is zero. */
double trend_seconds_left(const struct trend *trend);

/*
 * Draws the last span_ms up to now_ms as a row of characters, the highest value in them being the
 * highest; spaces where nothing is known. In block characters, or else in ASCII.
 */
void trend_draw(const struct trend *trend, int64_t now_ms, int64_t span_ms, size_t columns,
                bool blocks, FILE *out);

#endif
