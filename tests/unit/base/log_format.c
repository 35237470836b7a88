#include "base/log_format.h"

#include "unit.h"

#include "base/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME_LEN strlen("{\"time\": \"2026-01-31T23:59:59.000Z\"")

static void knows_its_names(void)
{
    enum log_format format = LOG_TEXT;

    CHECK(log_format_of("json", &format));
    EQUAL(format, LOG_JSON);
    CHECK(log_format_of("journal", &format));
    EQUAL(format, LOG_JOURNAL);
    CHECK(log_format_of("text", &format));
    EQUAL(format, LOG_TEXT);
    CHECK(!log_format_of("JSON", &format));
    CHECK(!log_format_of("", &format));
}

static void name_stream(uintmax_t device, uintmax_t inode, const char *rest)
{
    char stream[96];

    (void)snprintf(stream, sizeof stream, "%ju:%ju%s", device, inode, rest);
    (void)setenv("JOURNAL_STREAM", stream, 1);
}

static void asks_the_environment(void)
{
    struct stat info;

    CHECK(fstat(STDERR_FILENO, &info) == 0);
    (void)unsetenv(LOG_FORMAT_VARIABLE);
    (void)unsetenv("JOURNAL_STREAM");
    EQUAL(log_format_of_environment(), LOG_TEXT);
    (void)setenv("JOURNAL_STREAM", "nonsense", 1);
    EQUAL(log_format_of_environment(), LOG_TEXT);
    name_stream(info.st_dev, info.st_ino + 1, "");
    EQUAL(log_format_of_environment(), LOG_TEXT);
    name_stream(info.st_dev + 1, info.st_ino, "");
    EQUAL(log_format_of_environment(), LOG_TEXT);
    name_stream(info.st_dev, info.st_ino, "");
    EQUAL(log_format_of_environment(), LOG_JOURNAL);
    (void)setenv(LOG_FORMAT_VARIABLE, "text", 1);
    EQUAL(log_format_of_environment(), LOG_TEXT);
    (void)setenv(LOG_FORMAT_VARIABLE, "json", 1);
    EQUAL(log_format_of_environment(), LOG_JSON);
    (void)setenv(LOG_FORMAT_VARIABLE, "xml", 1);
    EQUAL(log_format_of_environment(), LOG_JOURNAL);
    (void)unsetenv(LOG_FORMAT_VARIABLE);
    (void)unsetenv("JOURNAL_STREAM");
}

/* Returns the line without its time. */
static const char *line(void)
{
    const char *text;

    report_flush();
    text = unit_captured(2);
    CHECK(strncmp(text, "{\"time\": \"20", strlen("{\"time\": \"20")) == 0);
    return strlen(text) > TIME_LEN ? text + TIME_LEN : text;
}

static void writes_objects(void)
{
    report_in_format(LOG_JSON);
    report("no '%s'", "x");
    SAME(line(), ", \"level\": \"error\", \"program\": \"p\", \"message\": \"no 'x'\"}\n");
    errno = ENOENT;
    report_errno("cannot open '%s'", "x");
    SAME(line(),
         ", \"level\": \"error\", \"program\": \"p\", \"message\": \"cannot open 'x': No such "
         "file or directory\"}\n");
    report_warning("again");
    SAME(line(), ", \"level\": \"warning\", \"program\": \"p\", \"message\": \"again\"}\n");
    report_notice("there");
    SAME(line(), ", \"level\": \"notice\", \"program\": \"p\", \"message\": \"there\"}\n");
    log_line("[p] %d", 1);
    SAME(line(), ", \"level\": \"info\", \"program\": \"p\", \"message\": \"[p] 1\"}\n");
}

static void names_the_order(void)
{
    report_in_format(LOG_JSON);
    log_about("[p] told ", "a\"b");
    SAME(line(), ", \"level\": \"info\", \"program\": \"p\", \"message\": \"[p] told a\\\"b\", "
                 "\"order_id\": \"a\\\"b\"}\n");
    log_event(REPORT_WARNING, "a", "[p] later: %s", "a");
    SAME(line(), ", \"level\": \"warning\", \"program\": \"p\", \"message\": \"[p] later: a\", "
                 "\"order_id\": \"a\"}\n");
    log_members("a", ", \"n\": 1", "x");
    SAME(line(), ", \"level\": \"info\", \"program\": \"p\", \"message\": \"x\", \"n\": 1, "
                 "\"order_id\": \"a\"}\n");
}

static void escapes_all_bytes(void)
{
    report_in_format(LOG_JSON);
    report("%s", "\"\\\n\033\x7f/\xc3\xbc\xf0\x9f\x98\x80");
    SAME(line(), ", \"level\": \"error\", \"program\": \"p\", \"message\": "
                 "\"\\\"\\\\\\u000a\\u001b\x7f/\xc3\xbc\xf0\x9f\x98\x80\"}\n");
    /* Torn, overlong, a surrogate. */
    report("%s", "a\xc3");
    SAME(line(), ", \"level\": \"error\", \"program\": \"p\", \"message\": \"a\\ufffd\"}\n");
    report("%s", "\xc0\xaf\xed\xa0\x80.");
    SAME(line(), ", \"level\": \"error\", \"program\": \"p\", \"message\": "
                 "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd.\"}\n");
}

/* Longer than what is formatted without memory of its own, with and without the reason. */
static void writes_long_lines_whole(void)
{
    char text[3000];
    size_t len;

    report_in_format(LOG_JSON);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    report("%s", text);
    len = strlen(line());
    EQUAL(len, strlen(", \"level\": \"error\", \"program\": \"p\", \"message\": \"\"}\n") +
                   sizeof text - 1);
    report_in_format(LOG_TEXT);
    for (size_t room = 990; room < 1024; room++) {
        text[room] = '\0';
        errno = ENOENT;
        report_errno("%s", text);
        EQUAL(strlen(unit_captured(2)),
              strlen("p: ") + room + strlen(": No such file or directory\n"));
        text[room] = 'x';
    }
}

static void puts_priorities_in_front(void)
{
    report_in_format(LOG_JOURNAL);
    report("a\nb");
    SAME(unit_captured(2), "<3>p: a\n<3>b\n");
    report_warning("a");
    SAME(unit_captured(2), "<4>p: a\n");
    report_notice("a");
    SAME(unit_captured(2), "<5>p: a\n");
    log_line("a");
    log_about("b ", "c");
    log_event(REPORT_WARNING, "d", "<3>%s", "d");
    report_flush();
    SAME(unit_captured(2), "<6>a\n<6>b c\n<4><3>d\n");
}

static void shows_no_status_to_machines(void)
{
    report_in_format(LOG_JSON);
    report_status("1 of 2");
    SAME(unit_captured(2), "");
    report_in_format(LOG_JOURNAL);
    report_status("1 of 2");
    SAME(unit_captured(2), "");
}

static void writes_text_as_ever(void)
{
    report_in_format(LOG_TEXT);
    report("a\nb");
    report_warning("a");
    report_notice("a");
    log_line("a");
    log_about("b ", "c");
    log_event(REPORT_WARNING, "d", "%s", "d");
    log_members("d", ", \"n\": 1", "e");
    report_flush();
    SAME(unit_captured(2), "p: a\nb\np: a\np: a\na\nb c\nd\ne\n");
}

int main(void)
{
    report_program("p");
    unit_capture(2);
    RUN(knows_its_names);
    RUN(asks_the_environment);
    RUN(writes_objects);
    RUN(names_the_order);
    RUN(escapes_all_bytes);
    RUN(writes_long_lines_whole);
    RUN(puts_priorities_in_front);
    RUN(shows_no_status_to_machines);
    RUN(writes_text_as_ever);
    return unit_end();
}
