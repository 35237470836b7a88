/*
 * histogram: how many observations were at most how large, for Prometheus.
 *
 * A histogram is declared with its scale:
 *
 *     static struct histogram store = {.scale = &histogram_seconds};
 */
#ifndef METRICS_HISTOGRAM_H
#define METRICS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 16

/* Upper bounds of the buckets. Above the last there is one more bucket. */
struct histogram_scale {
    int64_t bounds[HISTOGRAM_BOUNDS_MAX];          /* ascending */
    const char *const texts[HISTOGRAM_BOUNDS_MAX]; /* the same, in the unit that is printed */
    size_t count;                                  /* of bounds */
    int64_t unit;                                  /* observations that make one of that unit */
};

/* Durations of a step, observed in microseconds: 0.25 ms to 10 s. */
extern const struct histogram_scale histogram_seconds;

/* Ages of an order or event, observed in microseconds: 10 ms to a day. */
extern const struct histogram_scale histogram_ages;

/* Counts, such as the orders of a batch: 1 to 4096. */
extern const struct histogram_scale histogram_counts;

struct histogram {
    const struct histogram_scale *scale;
    uint64_t buckets[HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulated */
    uint64_t sum;
    size_t last; /* private: the bucket of the last observation, in which the next one often is */
};

/* Counts an observation. A negative one, of clocks that differ, counts as 0. */
void histogram_observe(struct histogram *histogram, int64_t value);

#endif
