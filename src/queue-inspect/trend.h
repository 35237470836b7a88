/*
 * trend: the history of a number over the last minutes: its rate, when it will reach zero, a graph.
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

/* Zeroed, it is an empty history. */
struct trend {
    struct trend_sample samples[TREND_SAMPLES]; /* a ring; private, like all below */
    size_t added;
};

/*
 * Adds value at at_ms, which must not be earlier than before. Replaces the oldest of TREND_SAMPLES.
 */
void trend_add(struct trend *trend, int64_t at_ms, double value);

/* Returns the change per second over the last TREND_WINDOW_MS, extended to the sample before them.
 * Returns NaN with fewer than two samples, or if they have the same time. */
double trend_rate(const struct trend *trend);

/* Returns the whole seconds, rounded up, until the number is zero at its present rate. Returns NaN
 * if it does not fall or is zero already. */
double trend_seconds_left(const struct trend *trend);

/*
 * Writes a graph of the span_ms up to now_ms to out, columns characters wide. Each character stands
 * for the highest value of its time, relative to the highest of all; a space means no value. Uses
 * block characters if blocks, ASCII otherwise.
 */
void trend_draw(const struct trend *trend, int64_t now_ms, int64_t span_ms, size_t columns,
                bool blocks, FILE *out);

#endif
