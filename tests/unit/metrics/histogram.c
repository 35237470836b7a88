#include "metrics/histogram.h"

#include "unit.h"

#include <stdlib.h>

/* The texts of a scale are its bounds in its unit, so that what is printed is what is counted. */
static void is_sound(const struct histogram_scale *scale)
{
    CHECK(scale->count > 0 && scale->count <= HISTOGRAM_BOUNDS_MAX);
    for (size_t i = 0; i < scale->count; i++) {
        double bound = strtod(scale->texts[i], NULL) * (double)scale->unit;

        EQUAL((int64_t)(bound + 0.5), scale->bounds[i]);
        CHECK(i == 0 || scale->bounds[i] > scale->bounds[i - 1]);
    }
}

static void has_sound_scales(void)
{
    is_sound(&histogram_seconds);
    is_sound(&histogram_ages);
    is_sound(&histogram_counts);
}

static void counts_in_the_first_bucket_that_fits(void)
{
    struct histogram histogram = {.scale = &histogram_counts};

    histogram_observe(&histogram, 0);
    histogram_observe(&histogram, 1);
    histogram_observe(&histogram, 2);
    histogram_observe(&histogram, 3);
    histogram_observe(&histogram, 4096);
    histogram_observe(&histogram, 4097);
    EQUAL(histogram.buckets[0], 2);
    EQUAL(histogram.buckets[1], 1);
    EQUAL(histogram.buckets[2], 1);
    EQUAL(histogram.buckets[histogram_counts.count - 1], 1);
    EQUAL(histogram.buckets[histogram_counts.count], 1);
    EQUAL(histogram.sum, 0 + 1 + 2 + 3 + 4096 + 4097);
}

static void takes_a_negative_one_for_zero(void)
{
    struct histogram histogram = {.scale = &histogram_ages};

    histogram_observe(&histogram, INT64_MIN);
    EQUAL(histogram.buckets[0], 1);
    EQUAL(histogram.sum, 0);
}

int main(void)
{
    RUN(has_sound_scales);
    RUN(counts_in_the_first_bucket_that_fits);
    RUN(takes_a_negative_one_for_zero);
    return unit_end();
}
