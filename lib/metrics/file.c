#include "metrics/file.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTENSION ".prom"

static const char *path;

struct option_entry metrics_option_table[] = {
    {"metrics", "FILE", "keep metrics for Prometheus in FILE, written anew every 5 s",
     .text = &path},
    {0},
};

static metrics_print *print_all; /* NULL until it is open */
static const char *prefix_of_all;
static char labels[METRICS_LABEL_SIZE + sizeof "worker=\"\""];
static char *beside;     /* where it is written, before it is renamed */
static int64_t start_ms; /* since 1970 */
static int64_t due_ms;   /* monotonic clock */
static int failure;      /* errno of the last write, or 0 */
static bool is_reported;

bool metrics_file_is_on(void)
{
    return print_all != NULL;
}

/* ---- writing ---- */

static void print(FILE *out, bool is_last)
{
    struct metrics_text text = {
        .out = out, .prefix = prefix_of_all, .labels = labels, .is_last = is_last};

    metrics_build_info(&text);
    metrics_gauge_ms(&text, "start_time_seconds",
                     "When the program was started, in seconds since 1970.", start_ms);
    metrics_gauge(&text, "running", "1 while the program runs; 0 once it has ended.", !is_last);
    print_all(&text);
}

/* Returns false, with errno set, if it is not all in the file. */
static bool fill(int fd, bool is_last)
{
    FILE *out = fdopen(fd, "w");
    bool is_written;

    if (out == NULL) {
        (void)close(fd);
        return false;
    }
    print(out, is_last);
    is_written = ferror(out) == 0;
    return fclose(out) == 0 && is_written;
}

static bool write_beside(bool is_last)
{
    int fd;

    /* Left by a program that was killed, and had the same pid. */
    (void)unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    if (fchmod(fd, 0644) != 0) {
        (void)close(fd);
        return false;
    }
    return fill(fd, is_last);
}

static void write_file(bool is_last)
{
    bool is_done = write_beside(is_last) && rename(beside, path) == 0;

    failure = is_done ? 0 : errno;
    if (failure != 0)
        (void)unlink(beside);
    due_ms = clock_monotonic_ms() + METRICS_PERIOD_MS;
}

static void report_change(void)
{
    if (failure != 0 && !is_reported)
        report("cannot write '%s': %s", printable_text(path), strerror(failure));
    else if (failure == 0 && is_reported)
        report("'%s' is written again", printable_text(path));
    is_reported = failure != 0;
}

/* A wait_keeper. */
static int write_if_due(void)
{
    int64_t left_ms = due_ms - clock_monotonic_ms();
    int before = errno; /* which whoever waits may still want to look at */

    if (left_ms > 0)
        return (int)left_ms;
    write_file(false);
    errno = before;
    return METRICS_PERIOD_MS;
}

void metrics_file_step(void)
{
    if (print_all == NULL)
        return;
    (void)write_if_due();
    report_change();
}

/* ---- opening and closing ---- */

static void set_labels(void)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t len = strlen(name);
    size_t extension = strlen(EXTENSION);
    char label[METRICS_LABEL_SIZE];

    if (len > extension && strcmp(name + len - extension, EXTENSION) == 0)
        len -= extension;
    metrics_label(label, name, len);
    (void)snprintf(labels, sizeof labels, "worker=\"%s\"", label);
}

/* A device must not be replaced by a file. */
static bool may_replace(void)
{
    struct stat info;

    if (*path != '\0' && (stat(path, &info) != 0 || S_ISREG(info.st_mode)))
        return true;
    report("cannot write '%s': not a regular file", printable_text(path));
    return false;
}

enum exit_code metrics_file_open(const char *prefix, metrics_print *given)
{
    size_t size;

    if (path == NULL)
        return EXIT_OK;
    if (!may_replace())
        return EXIT_OUTPUT;
    size = strlen(path) + 32;
    beside = xcalloc(size, 1);
    (void)snprintf(beside, size, "%s.%ld", path, (long)getpid());
    set_labels();
    prefix_of_all = prefix;
    start_ms = clock_utc_ms();
    print_all = given;
    write_file(false);
    report_change();
    if (failure == 0) {
        wait_also(write_if_due);
        return EXIT_OK;
    }
    print_all = NULL;
    return EXIT_OUTPUT;
}

void metrics_file_close(void)
{
    if (print_all != NULL) {
        wait_also(NULL);
        write_file(true);
        report_change();
    }
    print_all = NULL;
    free(beside);
    beside = NULL;
}
