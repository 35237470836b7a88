/*
 * text: metrics in the text format of Prometheus, version 0.0.4.
 *
 * The samples of a metric stand together, behind its head: so either call one of the functions that
 * write a whole metric, or metrics_head() and then a function for each sample. Names are without
 * the prefix of the program. labels are pairs such as route="/order",method="GET", or "".
 *
 * Nothing here fails: whoever closes the file sees whether all was written.
 */
#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include "metrics/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_text {
    FILE *out;
    const char *prefix; /* of every name, such as "order_http" */
    const char *labels; /* of every sample; "" for none */
    bool is_last;       /* the program ends: nothing is connected or under way any more */
};

#define METRICS_LABEL_SIZE 128

/* Writes value to label, a label's value without quotation marks, with '_' for what would need to
 * be escaped or is not printable ASCII; cuts it off if it is too long. */
void metrics_label(char label[METRICS_LABEL_SIZE], const char *value, size_t len);

/* ---- whole metrics ---- */

void metrics_counter(const struct metrics_text *text, const char *name, const char *help,
                     uint64_t value);
void metrics_gauge(const struct metrics_text *text, const char *name, const char *help,
                   int64_t value);

/* A gauge of seconds, whose value is in milliseconds. */
void metrics_gauge_ms(const struct metrics_text *text, const char *name, const char *help,
                      int64_t ms);

/* A counter with one label: a sample for each of its count values. */
void metrics_counters(const struct metrics_text *text, const char *name, const char *help,
                      const char *label, const char *const values[], const uint64_t counts[],
                      size_t count);

void metrics_histogram(const struct metrics_text *text, const char *name, const char *help,
                       const struct histogram *histogram);

/* build_info: 1, with the version of the program. */
void metrics_build_info(const struct metrics_text *text);

/* ---- head and samples ---- */

void metrics_head(const struct metrics_text *text, const char *name, const char *type,
                  const char *help);
void metrics_sample(const struct metrics_text *text, const char *name, const char *labels,
                    int64_t value);
void metrics_sample_ms(const struct metrics_text *text, const char *name, const char *labels,
                       int64_t ms);
void metrics_sample_histogram(const struct metrics_text *text, const char *name, const char *labels,
                              const struct histogram *histogram);

#endif
