#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program = "order-tools";
static char log_buffer[1 << 16];
static char status[256];
static bool status_stands; /* where the cursor is */

/*
 * A descriptor that is closed would be given to the next file that is opened, and a message or an order end up in
 * it. What is put there instead cannot be read from as input, nor written to as output.
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
    /* A line of log for every order would otherwise be a system call of its own. */
    (void)setvbuf(stderr, log_buffer, _IOFBF, sizeof log_buffer);
    if (atexit(report_flush) != 0)
        die_no_memory();
}

const char *report_name(void)
{
    return program;
}

/* ECMA-48's "erase in line": what the terminal itself has put behind it, such as ^C, goes too. */
static void erase_status(void)
{
    if (status_stands)
        (void)fputs("\r\033[K", stderr);
    status_stands = false;
}

static void put_status(void)
{
    if (status_stands || *status == '\0')
        return;
    (void)fputs(status, stderr);
    status_stands = true;
}

static void report_line(const char *format, va_list arguments, const char *reason)
{
    erase_status();
    (void)fprintf(stderr, "%s: ", program);
    (void)vfprintf(stderr, format, arguments);
    if (reason != NULL)
        (void)fprintf(stderr, ": %s", reason);
    (void)fputc('\n', stderr);
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
    exit((int)code);
}

void die_no_memory(void)
{
    die(EXIT_BUG, "out of memory");
}

void log_line(const char *format, ...)
{
    va_list arguments;

    erase_status();
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void report_status(const char *line)
{
    erase_status();
    (void)snprintf(status, sizeof status, "%s", line);
    report_flush();
}

void report_flush(void)
{
    put_status();
    (void)fflush(stderr);
}

bool report_is_lost(void)
{
    struct pollfd state = {.fd = STDERR_FILENO, .events = POLLOUT};
    int flags = fcntl(STDERR_FILENO, F_GETFL);

    report_flush();
    return ferror(stderr) != 0 || flags < 0 || (flags & O_ACCMODE) == O_RDONLY ||
           (poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
}

void *need_calloc(unsigned long count, unsigned long size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        die_no_memory();
    return memory;
}

void *need_realloc(void *old, unsigned long size)
{
    void *memory = realloc(old, size);

    if (memory == NULL)
        die_no_memory();
    return memory;
}

char *need_strdup(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        die_no_memory();
    return copy;
}
