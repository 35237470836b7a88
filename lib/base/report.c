#include "base/report.h"

#include "base/outlet.h"
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program = "order-tools";
static struct outlet out = {.descriptor = STDERR_FILENO};
static bool some_lost;
static bool given_up; /* a stop was requested, and nobody reads */
static char status[256];
static bool status_stands; /* it is on the terminal, with the cursor behind it */

enum exit_code first_failure(enum exit_code code, enum exit_code next)
{
    return code != EXIT_OK ? code : next;
}

/*
 * The next file that is opened would get the number of a closed descriptor, and messages or orders
 * would end up in it. /dev/null is opened the wrong way round, so that input and output still fail.
 */
static void occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void report_program(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');

    occupy_standard_descriptors();
    program = slash != NULL ? slash + 1 : argv0;
    program_at_end(report_flush);
}

void report_never_waits(void)
{
    out.never_waits = true;
}

const char *report_name(void)
{
    return program;
}

/* ---- adding to the buffer ---- */

static void lose(void)
{
    some_lost = true;
    given_up = errno == ECANCELED;
}

static void add(const char *text, size_t len)
{
    if (!given_up && !outlet_add(&out, text, len))
        lose();
}

static void add_text(const char *text)
{
    add(text, strlen(text));
}

static void add_formatted(const char *format, va_list arguments)
{
    char fits[1024];
    char *large = NULL;
    va_list again;
    int len;

    va_copy(again, arguments);
    len = vsnprintf(fits, sizeof fits, format, arguments);
    if (len >= (int)sizeof fits)
        large = malloc((size_t)len + 1);
    if (large != NULL)
        (void)vsnprintf(large, (size_t)len + 1, format, again);
    va_end(again);
    if (large != NULL)
        add(large, (size_t)len);
    else if (len >= 0)
        add(fits, strlen(fits));
    free(large);
}

/* ECMA-48's "erase in line" also removes an echo behind the line, such as ^C. */
static void erase_status(void)
{
    if (status_stands)
        add_text("\r\033[K");
    status_stands = false;
}

static void report_line(const char *format, va_list arguments, const char *reason)
{
    erase_status();
    add_text(program);
    add_text(": ");
    add_formatted(format, arguments);
    if (reason != NULL) {
        add_text(": ");
        add_text(reason);
    }
    add_text("\n");
    report_flush();
}

void report(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_line(format, arguments, NULL);
    va_end(arguments);
}

void report_errno(const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list arguments;

    va_start(arguments, format);
    report_line(format, arguments, reason);
    va_end(arguments);
}

void die(enum exit_code code, const char *format, ...)
{
    va_list arguments;

    report_status("");
    va_start(arguments, format);
    report_line(format, arguments, NULL);
    va_end(arguments);
    program_exit(code);
}

/* The reader takes something again. */
static void tell_dropped(void)
{
    size_t dropped = out.dropped;

    if (dropped == 0 || out.len > 0 || given_up)
        return;
    out.dropped = 0;
    report("%zu lines that should stand above were dropped: nobody read them", dropped);
}

void log_line(const char *format, ...)
{
    va_list arguments;

    erase_status();
    va_start(arguments, format);
    add_formatted(format, arguments);
    va_end(arguments);
    add_text("\n");
}

void log_about(const char *start, const char *text)
{
    erase_status();
    add_text(start);
    add_text(text);
    add_text("\n");
}

void report_status(const char *line)
{
    erase_status();
    (void)snprintf(status, sizeof status, "%s", line);
    report_flush();
}

void report_flush(void)
{
    if (!status_stands && *status != '\0') {
        add_text(status);
        status_stands = true;
    }
    if (!given_up && !outlet_flush(&out))
        lose();
    tell_dropped();
}

bool report_is_lost(void)
{
    struct pollfd state = {.fd = STDERR_FILENO, .events = POLLOUT};
    int flags = fcntl(STDERR_FILENO, F_GETFL);

    report_flush();
    return some_lost || flags < 0 || (flags & O_ACCMODE) == O_RDONLY ||
           (poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
}
