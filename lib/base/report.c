#include "base/report.h"

#include "base/log_format.h"
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
static enum log_format form;
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
    form = log_format_of_environment();
    program_at_end(report_flush);
}

void report_in_format(enum log_format format)
{
    form = format;
}

enum log_format report_format(void)
{
    return form;
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

/* ECMA-48's "erase in line" also removes an echo behind the line, such as ^C. */
static void erase_status(void)
{
    if (status_stands)
        add_text("\r\033[K");
    status_stands = false;
}

/* ---- a line ---- */

/* Each line of the text has the level in front. */
static void add_for_journal(const struct log_record *record, bool is_named)
{
    const char *text = record->text;
    const char *end = text + record->len;
    char priority[] = {'<', (char)('0' + record->level), '>', '\0'};

    add_text(priority);
    if (is_named) {
        add_text(program);
        add_text(": ");
    }
    for (const char *newline; (newline = memchr(text, '\n', (size_t)(end - text))) != NULL;
         text = newline + 1) {
        add(text, (size_t)(newline - text) + 1);
        add_text(priority);
    }
    add(text, (size_t)(end - text));
}

static void add_record(struct log_record *record, bool is_named)
{
    erase_status();
    record->program = program;
    if (form == LOG_JSON) {
        log_record_print(record, add);
    } else if (form == LOG_JOURNAL) {
        add_for_journal(record, is_named);
    } else {
        if (is_named) {
            add_text(program);
            add_text(": ");
        }
        add(record->text, record->len);
    }
    add_text("\n");
}

/* Adds a line of what is formatted and, unless it is NULL, ": " and the reason. */
static void add_formatted(struct log_record *record, bool is_named, const char *format,
                          va_list arguments, const char *reason)
{
    char fits[1024];
    char *text = fits;
    size_t size = sizeof fits;
    size_t reason_len = reason == NULL ? 0 : strlen(reason) + 2;
    va_list again;
    int len;

    va_copy(again, arguments);
    len = vsnprintf(fits, size, format, arguments);
    if (len >= 0 && (size_t)len + reason_len >= size) {
        text = malloc((size_t)len + reason_len + 1);
        if (text != NULL) {
            size = (size_t)len + reason_len + 1;
            (void)vsnprintf(text, size, format, again);
        } else {
            text = fits;
            len = (int)strlen(fits);
        }
    }
    va_end(again);
    if (len < 0)
        return;
    if (reason != NULL)
        (void)snprintf(text + len, size - (size_t)len, ": %s", reason);
    record->text = text;
    record->len = strlen(text);
    add_record(record, is_named);
    if (text != fits)
        free(text);
}

static void report_line(enum report_level level, const char *format, va_list arguments,
                        const char *reason)
{
    struct log_record record = {.level = level};

    add_formatted(&record, true, format, arguments, reason);
    report_flush();
}

void report(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_line(REPORT_ERROR, format, arguments, NULL);
    va_end(arguments);
}

void report_errno(const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list arguments;

    va_start(arguments, format);
    report_line(REPORT_ERROR, format, arguments, reason);
    va_end(arguments);
}

void report_warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_line(REPORT_WARNING, format, arguments, NULL);
    va_end(arguments);
}

void report_notice(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_line(REPORT_NOTICE, format, arguments, NULL);
    va_end(arguments);
}

void die(enum exit_code code, const char *format, ...)
{
    va_list arguments;

    report_status("");
    va_start(arguments, format);
    report_line(REPORT_ERROR, format, arguments, NULL);
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
    report_warning("%zu lines that should stand above were dropped: nobody read them", dropped);
}

void log_line(const char *format, ...)
{
    struct log_record record = {.level = REPORT_INFO};
    va_list arguments;

    va_start(arguments, format);
    add_formatted(&record, false, format, arguments, NULL);
    va_end(arguments);
}

void log_event(enum report_level level, const char *order_id, const char *format, ...)
{
    struct log_record record = {.level = level, .order_id = order_id};
    va_list arguments;

    va_start(arguments, format);
    add_formatted(&record, false, format, arguments, NULL);
    va_end(arguments);
}

void log_members(const char *order_id, const char *members, const char *format, ...)
{
    struct log_record record = {.level = REPORT_INFO, .order_id = order_id, .members = members};
    va_list arguments;

    va_start(arguments, format);
    add_formatted(&record, false, format, arguments, NULL);
    va_end(arguments);
}

void log_about(const char *start, const char *order_id)
{
    if (form == LOG_JSON) {
        log_event(REPORT_INFO, order_id, "%s%s", start, order_id);
        return;
    }
    erase_status();
    if (form == LOG_JOURNAL)
        add_text("<6>");
    add_text(start);
    add_text(order_id);
    add_text("\n");
}

void report_status(const char *line)
{
    erase_status();
    (void)snprintf(status, sizeof status, "%s", form == LOG_TEXT ? line : "");
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
