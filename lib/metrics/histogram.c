#include "metrics/histogram.h"

const struct histogram_scale histogram_seconds = {
    .bounds = {250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
               2500000, 5000000, 10000000},
    .texts = {"0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
              "0.25", "0.5", "1", "2.5", "5", "10"},
    .count = 15,
    .unit = 1000000};

const struct histogram_scale histogram_ages = {
    .bounds = {10000, 50000, 100000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
               60000000, 300000000, 1800000000, 3600000000, 21600000000, 86400000000},
    .texts = {"0.01", "0.05", "0.1", "0.5", "1", "2.5", "5", "10", "30", "60", "300", "1800",
              "3600", "21600", "86400"},
    .count = 15,
    .unit = 1000000};

const struct histogram_scale histogram_counts = {
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096},
    .texts = {"1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "2048", "4096"},
    .count = 13,
    .unit = 1};

void histogram_observe(struct histogram *histogram, int64_t value)
{
    const struct histogram_scale *scale = histogram->scale;
    size_t i = histogram->last;

    while (i > 0 && value <= scale->bounds[i - 1])
        i--;
    while (i < scale->count && value > scale->bounds[i])
        i++;
    histogram->last = i;
    histogram->buckets[i]++;
    histogram->sum += value > 0 ? (uint64_t)value : 0;
}
