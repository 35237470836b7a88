#include "terminal/progress.h"

#include "base/clock.h"
#include "base/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_MS 500 /* work that ends sooner shows no line */
#define REDRAW_MS 200
#define MESSAGE_MS 1000

/* The rate is that of the last SAMPLES seconds. */
#define SAMPLE_MS 1000
#define SAMPLES 6

#define LINE_SIZE 200

struct sample {
    int64_t at_ms;
    uint64_t done;
};

enum { ON_TERMINAL, NEVER, ALWAYS };

static int wanted = ON_TERMINAL;
static bool terminal_in_use;

static enum { OFF, LINE, MESSAGES } form;
static const char *things;
static uint64_t things_done;
static uint64_t things_total;
static int64_t started_ms;
static int64_t due_ms;
static struct sample first; /* of the work: its done may be more than 0 */
static struct sample samples[SAMPLES];
static size_t sample_count; /* of all ever taken, of which the last SAMPLES are kept */

struct option_entry progress_option_table[] = {
    {"progress", NULL, "show progress, even if standard error is not a terminal", .set = &wanted,
     .value = ALWAYS},
    {"quiet", NULL, "never show progress", .set = &wanted, .value = NEVER},
    {0},
};

void progress_spare(int descriptor)
{
    terminal_in_use = terminal_in_use || isatty(descriptor) == 1;
}

/* ---- the rate ---- */

static void take_sample(int64_t now)
{
    if (sample_count > 0 && now - samples[(sample_count - 1) % SAMPLES].at_ms < SAMPLE_MS)
        return;
    samples[sample_count % SAMPLES] = (struct sample){.at_ms = now, .done = things_done};
    if (sample_count++ == 0)
        first = samples[0];
}

static double rate_since(const struct sample *then, int64_t now)
{
    if (now <= then->at_ms || things_done <= then->done)
        return 0;
    return (double)(things_done - then->done) * 1000 / (double)(now - then->at_ms);
}

/* ---- lines and messages ---- */

struct line {
    char text[LINE_SIZE];
    size_t len;
    size_t room;
};

static void add(struct line *line, const char *format, ...) REPORT_FORMAT(2, 3);

/* Adds all of it or nothing, and then nothing more: a number that is cut is a wrong number. */
static void add(struct line *line, const char *format, ...)
{
    char field[LINE_SIZE];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(field, sizeof field, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len > line->room - line->len) {
        line->room = line->len;
        return;
    }
    memcpy(line->text + line->len, field, (size_t)len + 1);
    line->len += (size_t)len;
}

static void add_time(struct line *line, const char *before, double seconds, const char *after)
{
    uint64_t whole = seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 1000000000;
    uint64_t hours = whole / 3600;
    unsigned minutes = (unsigned)(whole / 60 % 60);
    unsigned rest = (unsigned)(whole % 60);

    if (hours > 0)
        add(line, "%s%" PRIu64 ":%02u:%02u%s", before, hours, minutes, rest, after);
    else
        add(line, "%s%u:%02u%s", before, minutes, rest, after);
}

static void add_rate(struct line *line, double rate)
{
    add(line, ", %.*f/s", rate < 10 ? 1 : 0, rate);
}

static void compose(struct line *line, int64_t now)
{
    size_t oldest = sample_count < SAMPLES ? 0 : sample_count % SAMPLES;
    double rate = rate_since(&samples[oldest], now);
    uint64_t left = things_total > things_done ? things_total - things_done : 0;

    add(line, "%" PRIu64 " %s", things_done, things);
    if (things_total > 0)
        add(line, " (%" PRIu64 "%%)", (things_total - left) * 100 / things_total);
    add_rate(line, rate);
    if (things_total > 0 && rate > 0)
        add_time(line, ", ", (double)left / rate, " left");
}

/* Returns the width of the terminal less one: some terminals wrap once the last column is used. */
static size_t columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 79;
    return size.ws_col > LINE_SIZE ? LINE_SIZE - 1 : (size_t)size.ws_col - 1;
}

static void show_line(int64_t now)
{
    struct line line = {.room = columns()};
    pid_t owner = tcgetpgrp(STDERR_FILENO);

    /* If a shell has put the program in the background, the terminal is for others. */
    if (owner >= 0 && owner != getpgrp())
        return;
    add(&line, "%s: ", report_name());
    compose(&line, now);
    report_status(line.text);
}

static void show_message(int64_t now)
{
    struct line line = {.room = LINE_SIZE - 1};

    compose(&line, now);
    report_notice("%s", line.text);
}

static void show_sum(int64_t now)
{
    struct line line = {.room = LINE_SIZE - 1};
    double rate = rate_since(&first, now);

    add(&line, "%" PRIu64 " %s", things_done, things);
    add_time(&line, " in ", (double)(now - started_ms) / 1000, "");
    if (rate > 0)
        add_rate(&line, rate);
    report_notice("%s", line.text);
}

static void show_if_due(void)
{
    int64_t now = clock_monotonic_ms();

    take_sample(now);
    if (now < due_ms)
        return;
    due_ms = now + (form == LINE ? REDRAW_MS : MESSAGE_MS);
    if (form == LINE)
        show_line(now);
    else
        show_message(now);
}

/* ---- the work ---- */

static bool line_can_stand(void)
{
    const char *type = getenv("TERM");

    return isatty(STDERR_FILENO) == 1 && !terminal_in_use && type != NULL &&
           strcmp(type, "dumb") != 0;
}

void progress_start(const char *what, uint64_t total)
{
    things = what;
    things_total = total;
    started_ms = clock_monotonic_ms();
    if (wanted == NEVER)
        form = OFF;
    else if (line_can_stand())
        form = LINE;
    else
        form = wanted == ALWAYS ? MESSAGES : OFF;
    due_ms = started_ms + (form == LINE ? FIRST_MS : MESSAGE_MS);
}

void progress_set(uint64_t done, uint64_t total)
{
    if (form == OFF)
        return;
    things_done = done;
    things_total = total;
    show_if_due();
}

void progress_advance(uint64_t count)
{
    progress_set(things_done + count, things_total);
}

void progress_done(void)
{
    if (form == OFF)
        return;
    form = OFF;
    report_status("");
    if (wanted == ALWAYS)
        show_sum(clock_monotonic_ms());
}
