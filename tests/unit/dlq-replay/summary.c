#include "dlq-replay/summary.h"

#include "bytes.h"
#include "unit.h"

#include "base/output.h"

#include <stdio.h>
#include <string.h>

static void add(struct summary *summary, const char *error, const char *reason, int64_t time)
{
    struct dead_letter letter = {
        .history.death = {.reason = reason == NULL ? amqp_empty_bytes : amqp_cstring_bytes(reason),
                          .time = time},
        .check.error = error,
        .is_checked = true};

    summary_add(summary, &letter);
}

static void check_printed(struct summary *summary, const char *expected)
{
    EQUAL(summary_print(summary), EXIT_OK);
    EQUAL(output_flush(), EXIT_OK);
    SAME(unit_captured(1), expected);
    summary_free(summary);
}

static void prints_nothing_of_none(void)
{
    check_printed(summary_new(), "");
    summary_free(NULL);
}

static void groups_by_error_and_reason_the_largest_first(void)
{
    struct summary *summary = summary_new();

    add(summary, "e", "r", 100);
    add(summary, "e", "s", 0);
    add(summary, NULL, "r", 5);
    add(summary, "e", "s", 7);
    add(summary, "e", NULL, 0);
    add(summary, "e", "s", 3);
    add(summary, NULL, "r", 9);
    check_printed(
        summary,
        "{\"error\":\"e\",\"reason\":\"s\",\"count\":3,"
        "\"oldest\":\"1970-01-01T00:00:03.000Z\",\"newest\":\"1970-01-01T00:00:07.000Z\"}\n"
        "{\"error\":null,\"reason\":\"r\",\"count\":2,"
        "\"oldest\":\"1970-01-01T00:00:05.000Z\",\"newest\":\"1970-01-01T00:00:09.000Z\"}\n"
        "{\"error\":\"e\",\"reason\":\"r\",\"count\":1,"
        "\"oldest\":\"1970-01-01T00:01:40.000Z\",\"newest\":\"1970-01-01T00:01:40.000Z\"}\n"
        "{\"error\":\"e\",\"reason\":null,\"count\":1,\"oldest\":null,\"newest\":null}\n");
}

static void shows_reasons_and_times_from_outside(void)
{
    struct summary *summary = summary_new();

    add(summary, "e", "a\nb", INT64_MAX);
    check_printed(summary, "{\"error\":\"e\",\"reason\":\"a\\\\x0ab\",\"count\":1,"
                           "\"oldest\":\"9999-12-31T23:59:59.999Z\","
                           "\"newest\":\"9999-12-31T23:59:59.999Z\"}\n");
}

/* Further ones are counted together, those that are there still by themselves. */
static void counts_what_is_beyond_its_groups_together(void)
{
    static const char start[] = "{\"error\":null,\"reason\":null,\"other\":true,\"count\":3,"
                                "\"oldest\":null,\"newest\":null}\n"
                                "{\"error\":\"error 0\",\"reason\":null,\"count\":2,";
    struct summary *summary = summary_new();
    const char *printed;
    int lines = 0;
    char error[32];

    for (int i = 0; i < SUMMARY_GROUPS + 3; i++) {
        (void)snprintf(error, sizeof error, "error %d", i);
        add(summary, error, NULL, 0);
    }
    add(summary, "error 0", NULL, 0);
    EQUAL(summary_print(summary), EXIT_OK);
    EQUAL(output_flush(), EXIT_OK);
    printed = unit_captured(1);
    for (const char *at = printed; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    EQUAL(lines, SUMMARY_GROUPS + 1);
    CHECK(strncmp(printed, start, sizeof start - 1) == 0);
    summary_free(summary);
}

int main(void)
{
    unit_capture(1);
    RUN(prints_nothing_of_none);
    RUN(groups_by_error_and_reason_the_largest_first);
    RUN(shows_reasons_and_times_from_outside);
    RUN(counts_what_is_beyond_its_groups_together);
    return unit_end();
}
