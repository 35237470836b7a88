#include "metrics/file.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXTENSION ".prom"
#define HUNG (-1) /* in place of an errno: the file was still being written when it was due again */

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
static int failure;      /* errno of the last write, 0 or HUNG */
static bool is_reported;

/* Of the write that goes on, which must not be touched until it has ended. */
static struct background *writer; /* NULL: none goes on */
static sem_t has_written;         /* posted by the writer when it has ended */
static char *written;
static size_t written_len;

bool metrics_file_is_on(void)
{
    return print_all != NULL;
}

bool metrics_file_wants(int64_t measured_ms)
{
    int64_t now_ms;

    if (print_all == NULL)
        return false;
    now_ms = clock_monotonic_ms();
    return measured_ms == 0 || now_ms >= due_ms || now_ms - measured_ms >= METRICS_PERIOD_MS;
}

/* ---- the file, in a thread of its own ---- */

/* These return 0 or an errno. */

static int write_all(int fd)
{
    size_t done = 0;

    while (done < written_len) {
        ssize_t count = write(fd, written + done, written_len - done);

        if (count < 0 && errno != EINTR)
            return errno;
        if (count > 0)
            done += (size_t)count;
    }
    return 0;
}

static int write_beside(void)
{
    int error;
    int fd;

    /* Left by a program that was killed, and had the same pid. */
    (void)unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    error = fchmod(fd, 0644) == 0 ? write_all(fd) : errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

static int replace_file(void)
{
    int error = write_beside();

    if (error == 0 && rename(beside, path) != 0)
        error = errno;
    if (error != 0)
        (void)unlink(beside);
    return error;
}

static int replace_aside(void *context)
{
    int error = replace_file();

    (void)context;
    (void)sem_post(&has_written);
    return error;
}

/* ---- writing ---- */

static void print(bool is_last)
{
    struct metrics_text text = {.prefix = prefix_of_all, .labels = labels, .is_last = is_last};

    free(written);
    text.out = open_memstream(&written, &written_len);
    if (text.out == NULL)
        die_no_memory();
    metrics_build_info(&text);
    metrics_gauge_ms(&text, "start_time_seconds",
                     "When the program was started, in seconds since 1970.", start_ms);
    metrics_gauge(&text, "running", "1 while the program runs; 0 once it has ended.", !is_last);
    print_all(&text);
    if (fclose(text.out) != 0)
        die_no_memory();
}

/* A disk that hangs must not hold up heartbeats, so a thread waits for it; unless there is no room
 * for one. To be called when no write goes on. */
static void begin_to_write(bool is_last)
{
    print(is_last);
    due_ms = clock_monotonic_ms() + METRICS_PERIOD_MS;
    writer = background_start(replace_aside, NULL);
    if (writer == NULL)
        failure = replace_file();
}

static void finish_writing(void)
{
    failure = background_finish(writer);
    writer = NULL;
}

/* Waits until no write goes on, but for METRICS_PERIOD_MS at most. */
static void await_writer(void)
{
    struct timespec until;

    if (writer == NULL)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += METRICS_PERIOD_MS / 1000;
    while (sem_timedwait(&has_written, &until) != 0) {
        if (errno == EINTR)
            continue;
        failure = HUNG;
        return;
    }
    finish_writing();
}

static void report_change(void)
{
    if (failure != 0 && !is_reported)
        report("cannot write '%s': %s", printable_text(path),
               failure == HUNG ? "its disk does not answer" : strerror(failure));
    else if (failure == 0 && is_reported)
        report("'%s' is written again", printable_text(path));
    is_reported = failure != 0;
}

/* A wait_keeper. */
static int write_if_due(void)
{
    int before = errno; /* which whoever waits may still want to look at */
    int64_t left_ms = due_ms - clock_monotonic_ms();

    if (writer != NULL && sem_trywait(&has_written) == 0)
        finish_writing();
    if (left_ms <= 0 && writer == NULL) {
        begin_to_write(false);
    } else if (left_ms <= 0) {
        failure = HUNG;
        due_ms += METRICS_PERIOD_MS - left_ms;
    }
    errno = before;
    return left_ms > 0 ? (int)left_ms : METRICS_PERIOD_MS;
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
    if (sem_init(&has_written, 0, 0) != 0)
        die(EXIT_BUG, "cannot make a semaphore");
    print(false);
    due_ms = clock_monotonic_ms() + METRICS_PERIOD_MS;
    failure = replace_file();
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
        await_writer();
        if (writer == NULL) {
            begin_to_write(true);
            await_writer();
        }
        report_change();
    }
    print_all = NULL;
    /* One that still goes on needs them. */
    if (writer != NULL)
        return;
    free(written);
    free(beside);
    written = beside = NULL;
}
