#include "base/stop.h"

#include "unit.h"

#include "base/report.h"
#include "base/wait.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Each in a process of its own, whose exit code tells which expectation did not hold. */
static void expect(bool holds, int code)
{
    if (!holds)
        exit(code);
}

static void get_a_signal(void)
{
    stop_on_signals();
    expect(!stop_requested(), 1);
    expect(!wait_is_ready(stop_descriptor(), POLLIN), 2);
    (void)raise(SIGTERM);
    expect(stop_requested(), 3);
    expect(wait_is_ready(stop_descriptor(), POLLIN), 4);
    /* Neither waits any more. */
    stop_or_readable(STDIN_FILENO);
    wait_for(-1, 0, -1, true);
}

static void is_asked_for_by_a_signal(void)
{
    EQUAL(unit_exit_code(get_a_signal), 0);
}

static void end_by_the_signal(void)
{
    /* A shell without job control has what it runs in the background ignore it. */
    (void)signal(SIGINT, SIG_DFL);
    stop_on_signals();
    stop_by_signal();
    (void)raise(SIGINT);
    log_line("kept back");
    stop_by_signal();
}

static void ends_by_the_signal_once_all_is_said(void)
{
    EQUAL(unit_exit_code(end_by_the_signal), -1);
    SAME(unit_captured(2), "kept back\n");
}

static void ignore_what_the_parent_ignores(void)
{
    (void)signal(SIGHUP, SIG_IGN);
    stop_on_signals();
    (void)raise(SIGHUP);
    expect(!stop_requested(), 1);
    (void)raise(SIGPIPE);
    (void)raise(SIGXFSZ);
    expect(!stop_requested(), 2);
}

static void heeds_no_signal_that_is_ignored(void)
{
    EQUAL(unit_exit_code(ignore_what_the_parent_ignores), 0);
}

static void unblock(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    stop_on_signals();
    (void)raise(SIGTERM);
    expect(stop_requested(), 1);
}

static void unblocks_what_the_parent_blocks(void)
{
    EQUAL(unit_exit_code(unblock), 0);
}

static void say_farewell(void)
{
    static const char first[] = "first";
    static const char second[] = "second";

    stop_on_signals();
    expect(stop_farewell(first, STDERR_FILENO) == NULL, 1);
    expect(stop_farewell(second, STDERR_FILENO) == first, 2);
    (void)raise(SIGTERM);
    expect(stop_farewell(NULL, STDERR_FILENO) == NULL, 3);
}

static void writes_a_farewell_at_once(void)
{
    EQUAL(unit_exit_code(say_farewell), 0);
    SAME(unit_captured(2), "second");
}

static void take_a_farewell_back(void)
{
    stop_on_signals();
    (void)stop_farewell("never", STDERR_FILENO);
    (void)stop_farewell(NULL, STDERR_FILENO);
    (void)raise(SIGTERM);
}

static void writes_no_farewell_that_was_taken_back(void)
{
    EQUAL(unit_exit_code(take_a_farewell_back), 0);
    SAME(unit_captured(2), "");
}

int main(void)
{
    unit_capture(2);
    RUN(is_asked_for_by_a_signal);
    RUN(ends_by_the_signal_once_all_is_said);
    RUN(heeds_no_signal_that_is_ignored);
    RUN(unblocks_what_the_parent_blocks);
    RUN(writes_a_farewell_at_once);
    RUN(writes_no_farewell_that_was_taken_back);
    return unit_end();
}
