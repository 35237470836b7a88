#include "base/report.h"

#include "unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void names_the_program(void)
{
    SAME(report_name(), "order-tools");
    report_program("/usr/bin/order-place");
    SAME(report_name(), "order-place");
    report_program("notify-worker");
    SAME(report_name(), "notify-worker");
}

static void reports_a_line(void)
{
    report("cannot open '%s': %d", "x", 7);
    SAME(unit_captured(2), "notify-worker: cannot open 'x': 7\n");
    errno = ENOENT;
    report_errno("cannot open '%s'", "x");
    SAME(unit_captured(2), "notify-worker: cannot open 'x': No such file or directory\n");
}

/* Longer than what is formatted without memory of its own. */
static void reports_a_long_line_whole(void)
{
    char text[3000];
    const char *line;

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    report("%s", text);
    line = unit_captured(2);
    EQUAL(strlen(line), strlen("notify-worker: ") + sizeof text);
    SAME(line + strlen(line) - 3, "xx\n");
}

static void keeps_log_lines_back_until_the_next_message(void)
{
    log_line("[inventory] reservation OK for %s", "1");
    SAME(unit_captured(2), "");
    report_flush();
    SAME(unit_captured(2), "[inventory] reservation OK for 1\n");
    log_line("first");
    report("second");
    SAME(unit_captured(2), "first\nnotify-worker: second\n");
}

/* ECMA-48: CR, and "erase in line", CSI K. */
static void keeps_a_status_below_all_else(void)
{
    report_status("1 of 2");
    SAME(unit_captured(2), "1 of 2");
    report("a message");
    SAME(unit_captured(2), "\r\033[Knotify-worker: a message\n1 of 2");
    report_status("2 of 2");
    SAME(unit_captured(2), "\r\033[K2 of 2");
    report_status("");
    SAME(unit_captured(2), "\r\033[K");
    report_status("");
    SAME(unit_captured(2), "");
}

static void die_over_a_status(void)
{
    report_status("1 of 2");
    die(EXIT_STORE, "no %s", "more");
}

static void dies_with_a_code(void)
{
    EQUAL(unit_exit_code(die_over_a_status), EXIT_STORE);
    SAME(unit_captured(2), "1 of 2\r\033[Knotify-worker: no more\n");
}

static void knows_whether_messages_are_lost(void)
{
    CHECK(!report_is_lost());
    (void)close(STDERR_FILENO);
    CHECK(report_is_lost());
}

int main(void)
{
    unit_capture(2);
    RUN(names_the_program);
    RUN(reports_a_line);
    RUN(reports_a_long_line_whole);
    RUN(keeps_log_lines_back_until_the_next_message);
    RUN(keeps_a_status_below_all_else);
    RUN(dies_with_a_code);
    RUN(knows_whether_messages_are_lost);
    return unit_end();
}
