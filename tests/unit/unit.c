#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int groups;
static int failed_groups;
static int failed_checks; /* of the group at hand */
static const char *row;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(99);
}

/* Where TAP goes, wherever standard output may have been sent since. */
static FILE *tap(void)
{
    static FILE *stream;

    if (stream == NULL) {
        stream = fdopen(dup(STDOUT_FILENO), "w");
        if (stream == NULL || setvbuf(stream, NULL, _IOLBF, BUFSIZ) != 0)
            fail("standard output");
    }
    return stream;
}

void unit_run(const char *name, void (*group)(void))
{
    failed_checks = 0;
    row = NULL;
    group();
    groups++;
    failed_groups += failed_checks > 0;
    (void)fprintf(tap(), "%s %d - ", failed_checks > 0 ? "not ok" : "ok", groups);
    for (; *name != '\0'; name++)
        (void)fputc(*name == '_' ? ' ' : *name, tap());
    (void)fputc('\n', tap());
}

int unit_end(void)
{
    (void)fprintf(tap(), "1..%d\n", groups);
    return failed_groups > 0 || fflush(tap()) != 0 ? 1 : 0;
}

void unit_row(const char *name)
{
    row = name;
}

/* Begins the report of a check that failed. */
static void blame(const char *what, const char *file, int line)
{
    failed_checks++;
    (void)fprintf(tap(), "# %s:%d: %s", file, line, what);
    if (row != NULL)
        (void)fprintf(tap(), " [%s]", row);
}

bool unit_check(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        blame(what, file, line);
        (void)fprintf(tap(), ": does not hold\n");
    }
    return holds;
}

bool unit_equal(intmax_t got, intmax_t expected, const char *what, const char *file, int line)
{
    if (got != expected) {
        blame(what, file, line);
        (void)fprintf(tap(), ": expected %" PRIdMAX ", got %" PRIdMAX "\n", expected, got);
    }
    return got == expected;
}

/* In quotes, with what is not printable ASCII as \xNN, so that a line of TAP stays a line. */
static void show(const char *bytes, size_t len)
{
    (void)fputc('"', tap());
    for (size_t i = 0; i < len; i++)
        if (bytes[i] >= 0x20 && bytes[i] < 0x7F)
            (void)fputc(bytes[i], tap());
        else
            (void)fprintf(tap(), "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    (void)fputc('"', tap());
}

static void show_text(const char *text)
{
    if (text == NULL)
        (void)fputs("NULL", tap());
    else
        show(text, strlen(text));
}

bool unit_same(const char *got, const char *expected, const char *what, const char *file, int line)
{
    bool same = got == NULL || expected == NULL ? got == expected : strcmp(got, expected) == 0;

    if (!same) {
        blame(what, file, line);
        (void)fputs(": expected ", tap());
        show_text(expected);
        (void)fputs(", got ", tap());
        show_text(got);
        (void)fputc('\n', tap());
    }
    return same;
}

bool unit_same_bytes(const void *got, size_t got_len, const void *expected, size_t expected_len,
                     const char *what, const char *file, int line)
{
    bool same = got_len == expected_len && (got_len == 0 || memcmp(got, expected, got_len) == 0);

    if (!same) {
        blame(what, file, line);
        (void)fputs(": expected ", tap());
        show(expected, expected_len);
        (void)fputs(", got ", tap());
        show(got, got_len);
        (void)fputc('\n', tap());
    }
    return same;
}

/* What is written to the descriptors 1 and 2, and how far it was read. */
static int kept[3] = {-1, -1, -1};
static off_t read_up_to[3];

void unit_capture(int descriptor)
{
    FILE *file = tmpfile();

    (void)tap();
    if (file == NULL || (kept[descriptor] = dup(fileno(file))) < 0 ||
        dup2(fileno(file), descriptor) < 0 || fclose(file) != 0)
        fail("a temporary file");
}

const char *unit_captured(int descriptor)
{
    static char text[1 << 18];
    size_t len = 0;
    ssize_t got;

    do {
        got = pread(kept[descriptor], text + len, sizeof text - 1 - len, read_up_to[descriptor]);
        if (got < 0)
            fail("a temporary file");
        len += (size_t)got;
        read_up_to[descriptor] += got;
    } while (got > 0);
    text[len] = '\0';
    return text;
}

int unit_exit_code(void (*function)(void))
{
    int status = 0;
    pid_t child;

    (void)fflush(tap());
    child = fork();
    if (child == 0) {
        function();
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        fail("a child");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int unit_input(const char *text, size_t len)
{
    FILE *file = tmpfile();
    int descriptor = file == NULL ? -1 : dup(fileno(file));

    if (descriptor < 0 || fclose(file) != 0 || pwrite(descriptor, text, len, 0) != (ssize_t)len)
        fail("a temporary file");
    return descriptor;
}
