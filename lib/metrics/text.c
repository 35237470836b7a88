#include "metrics/text.h"

#include "base/version.h"

#include <inttypes.h>

#define LABELS_SIZE 512

void metrics_label(char label[METRICS_LABEL_SIZE], const char *value, size_t len)
{
    size_t count = len < METRICS_LABEL_SIZE - 1 ? len : METRICS_LABEL_SIZE - 1;

    for (size_t i = 0; i < count; i++) {
        char c = value[i];

        label[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '_' : c;
    }
    label[count] = '\0';
}

/* Writes name, suffix, and the labels of the text, of the sample, and a last one. */
static void begin_sample(const struct metrics_text *text, const char *name, const char *suffix,
                         const char *labels, const char *last)
{
    const char *comma = "";
    const char *const all[] = {text->labels, labels, last};

    (void)fprintf(text->out, "%s_%s%s", text->prefix, name, suffix);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (*all[i] == '\0')
            continue;
        (void)fprintf(text->out, "%s%s", *comma == '\0' ? "{" : comma, all[i]);
        comma = ",";
    }
    (void)fputs(*comma == '\0' ? " " : "} ", text->out);
}

/* ---- head and samples ---- */

void metrics_head(const struct metrics_text *text, const char *name, const char *type,
                  const char *help)
{
    (void)fprintf(text->out, "# HELP %s_%s %s\n# TYPE %s_%s %s\n", text->prefix, name, help,
                  text->prefix, name, type);
}

void metrics_sample(const struct metrics_text *text, const char *name, const char *labels,
                    int64_t value)
{
    begin_sample(text, name, "", labels, "");
    (void)fprintf(text->out, "%" PRId64 "\n", value);
}

void metrics_sample_ms(const struct metrics_text *text, const char *name, const char *labels,
                       int64_t ms)
{
    begin_sample(text, name, "", labels, "");
    (void)fprintf(text->out, "%" PRId64 ".%03" PRId64 "\n", ms / 1000, ms % 1000);
}

static void put_sum(const struct metrics_text *text, const char *name, const char *labels,
                    const struct histogram *histogram)
{
    uint64_t unit = (uint64_t)histogram->scale->unit;

    begin_sample(text, name, "_sum", labels, "");
    if (unit == 1)
        (void)fprintf(text->out, "%" PRIu64 "\n", histogram->sum);
    else
        (void)fprintf(text->out, "%" PRIu64 ".%06" PRIu64 "\n", histogram->sum / unit,
                      histogram->sum % unit);
}

void metrics_sample_histogram(const struct metrics_text *text, const char *name, const char *labels,
                              const struct histogram *histogram)
{
    const struct histogram_scale *scale = histogram->scale;
    uint64_t below = 0;
    char le[32];

    for (size_t i = 0; i <= scale->count; i++) {
        below += histogram->buckets[i];
        (void)snprintf(le, sizeof le, "le=\"%s\"", i < scale->count ? scale->texts[i] : "+Inf");
        begin_sample(text, name, "_bucket", labels, le);
        (void)fprintf(text->out, "%" PRIu64 "\n", below);
    }
    put_sum(text, name, labels, histogram);
    begin_sample(text, name, "_count", labels, "");
    (void)fprintf(text->out, "%" PRIu64 "\n", below);
}

/* ---- whole metrics ---- */

void metrics_counter(const struct metrics_text *text, const char *name, const char *help,
                     uint64_t value)
{
    metrics_head(text, name, "counter", help);
    metrics_sample(text, name, "", (int64_t)value);
}

void metrics_gauge(const struct metrics_text *text, const char *name, const char *help,
                   int64_t value)
{
    metrics_head(text, name, "gauge", help);
    metrics_sample(text, name, "", value);
}

void metrics_gauge_ms(const struct metrics_text *text, const char *name, const char *help,
                      int64_t ms)
{
    metrics_head(text, name, "gauge", help);
    metrics_sample_ms(text, name, "", ms);
}

void metrics_counters(const struct metrics_text *text, const char *name, const char *help,
                      const char *label, const char *const values[], const uint64_t counts[],
                      size_t count)
{
    char labels[LABELS_SIZE];

    metrics_head(text, name, "counter", help);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(labels, sizeof labels, "%s=\"%s\"", label, values[i]);
        metrics_sample(text, name, labels, (int64_t)counts[i]);
    }
}

void metrics_histogram(const struct metrics_text *text, const char *name, const char *help,
                       const struct histogram *histogram)
{
    metrics_head(text, name, "histogram", help);
    metrics_sample_histogram(text, name, "", histogram);
}

void metrics_build_info(const struct metrics_text *text)
{
    metrics_head(text, "build_info", "gauge", "1, with the version of the program.");
    metrics_sample(text, "build_info", "version=\"" ORDER_TOOLS_VERSION "\"", 1);
}
