#include "metrics/text.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static char *written;
static size_t written_len;
static struct metrics_text text;

static void begin(const char *labels)
{
    free(written);
    text = (struct metrics_text){
        .out = open_memstream(&written, &written_len), .prefix = "p", .labels = labels};
}

static void is(const char *expected)
{
    (void)fclose(text.out);
    SAME(written, expected);
}

static void writes_labels_of_text_and_sample(void)
{
    static const struct {
        const char *of_text;
        const char *of_sample;
        const char *line;
    } rows[] = {{"", "", "p_n 1\n"},
                {"w=\"x\"", "", "p_n{w=\"x\"} 1\n"},
                {"", "a=\"b\"", "p_n{a=\"b\"} 1\n"},
                {"w=\"x\"", "a=\"b\",c=\"d\"", "p_n{w=\"x\",a=\"b\",c=\"d\"} 1\n"}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(rows[i].of_text);
        metrics_sample(&text, "n", rows[i].of_sample, 1);
        is(rows[i].line);
    }
}

static void writes_whole_metrics(void)
{
    static const char *const values[] = {"a", "b"};
    static const uint64_t counts[] = {1, 2};

    begin("");
    metrics_counter(&text, "c_total", "Help.", 7);
    metrics_gauge(&text, "g", "Help.", -1);
    metrics_gauge_ms(&text, "t_seconds", "Help.", 12034);
    metrics_counters(&text, "l_total", "Help.", "x", values, counts, COUNT(counts));
    is("# HELP p_c_total Help.\n# TYPE p_c_total counter\np_c_total 7\n"
       "# HELP p_g Help.\n# TYPE p_g gauge\np_g -1\n"
       "# HELP p_t_seconds Help.\n# TYPE p_t_seconds gauge\np_t_seconds 12.034\n"
       "# HELP p_l_total Help.\n# TYPE p_l_total counter\n"
       "p_l_total{x=\"a\"} 1\np_l_total{x=\"b\"} 2\n");
}

static void cumulates_the_buckets_of_a_histogram(void)
{
    static const struct histogram_scale scale = {
        .bounds = {1000, 2000}, .texts = {"0.001", "0.002"}, .count = 2, .unit = 1000000};
    struct histogram histogram = {.scale = &scale};

    histogram_observe(&histogram, 500);
    histogram_observe(&histogram, 1500);
    histogram_observe(&histogram, 3000000);
    begin("w=\"x\"");
    metrics_histogram(&text, "h_seconds", "Help.", &histogram);
    is("# HELP p_h_seconds Help.\n# TYPE p_h_seconds histogram\n"
       "p_h_seconds_bucket{w=\"x\",le=\"0.001\"} 1\n"
       "p_h_seconds_bucket{w=\"x\",le=\"0.002\"} 2\n"
       "p_h_seconds_bucket{w=\"x\",le=\"+Inf\"} 3\n"
       "p_h_seconds_sum{w=\"x\"} 3.002000\n"
       "p_h_seconds_count{w=\"x\"} 3\n");
}

static void keeps_a_label_from_being_escaped(void)
{
    char label[METRICS_LABEL_SIZE];
    char longest[METRICS_LABEL_SIZE + 10];

    metrics_label(label, "a\"b\\c\nd\xC3\xA9 e.f", 13);
    SAME(label, "a_b_c_d__ e.f");
    memset(longest, 'x', sizeof longest);
    metrics_label(label, longest, sizeof longest);
    EQUAL(strlen(label), METRICS_LABEL_SIZE - 1);
}

int main(void)
{
    RUN(writes_labels_of_text_and_sample);
    RUN(writes_whole_metrics);
    RUN(cumulates_the_buckets_of_a_histogram);
    RUN(keeps_a_label_from_being_escaped);
    free(written);
    return unit_end();
}
