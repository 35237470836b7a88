#define _GNU_SOURCE /* memfd_create() */

#include "process/spawn.h"

#include "base/pipe.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int bell[2] = {-1, -1}; /* of a self-pipe that SIGCHLD rings */

static void on_child(int number)
{
    (void)number;
    pipe_ring(bell);
}

/*
 * SIGCHLD and not a pidfd, which Linux has from 5.3 on only. The parent may have left the signal
 * blocked, or ignored: the system then discards exit statuses.
 */
static bool watch_children(void)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigset_t signals;

    if (bell[0] >= 0)
        return true;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    return pipe_make_bell(bell) && sigaction(SIGCHLD, &action, NULL) == 0 &&
           sigprocmask(SIG_UNBLOCK, &signals, NULL) == 0;
}

/*
 * Restores the signals that stop_on_signals() ignores. A program that does not check for errors
 * shall die when nobody reads its output, or its file may not grow.
 */
static int heed_failed_writes(posix_spawnattr_t *attributes)
{
    sigset_t signals;
    int error;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGPIPE);
    (void)sigaddset(&signals, SIGXFSZ);
    error = posix_spawnattr_setsigdefault(attributes, &signals);
    return error != 0 ? error : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
}

/* given holds the descriptors for its standard input, output and error. */
static int spawn(char *const argv[], const int given[3], pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = heed_failed_writes(&attributes);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && error == 0; fd++)
            error = posix_spawn_file_actions_adddup2(&actions, given[fd], fd);
        if (error == 0)
            error = posix_spawnp(child, argv[0], &actions, &attributes, argv, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

enum exit_code spawn_start(char *const argv[], int input, int output, int error, pid_t *child)
{
    const int given[3] = {input, output, error};
    int result;

    report_flush();
    result = watch_children() ? spawn(argv, given, child) : errno;
    if (result == 0)
        return EXIT_OK;
    errno = result;
    if (result == ENOEXEC)
        report("cannot run '%s': it is no program of this machine; a script needs a first line "
               "such as #!/bin/sh",
               printable_text(argv[0]));
    else
        report_errno("cannot run '%s'", printable_text(argv[0]));
    return result == EAGAIN || result == ENOMEM || result == EMFILE || result == ENFILE
               ? EXIT_BUG
               : EXIT_USAGE;
}

/* ---- with a text on standard input ---- */

static bool write_all(int fd, const char *text, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t wrote = write(fd, text + done, len - done);

        if (wrote <= 0)
            return false;
        done += (size_t)wrote;
    }
    return true;
}

static bool write_text(int fd, const char *text, size_t len)
{
    return write_all(fd, text, len) && write_all(fd, "\n", 1);
}

/* For a text and newline of up to PIPE_BUF bytes, which an empty pipe holds. */
static int text_in_pipe(const char *text, size_t len)
{
    int ends[2];

    if (!pipe_make(ends))
        return -1;
    if (!write_text(ends[1], text, len)) {
        (void)close(ends[0]);
        ends[0] = -1;
    }
    (void)close(ends[1]);
    return ends[0];
}

/* For any length: unlike a pipe, a file in memory never fills up for lack of a reader. */
static int text_in_memory(const char *text, size_t len)
{
    int fd = memfd_create("event", MFD_CLOEXEC);

    if (fd >= 0 && (!write_text(fd, text, len) || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

enum exit_code child_start(char *const argv[], const char *text, size_t len, bool with_log,
                           pid_t *child)
{
    int input = len < PIPE_BUF ? text_in_pipe(text, len) : text_in_memory(text, len);
    int output = STDERR_FILENO;
    enum exit_code code = EXIT_BUG;

    if (input < 0) {
        report_errno("cannot hand a message to '%s'", printable_text(argv[0]));
        return EXIT_BUG;
    }
    if (!with_log)
        output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (output < 0)
        report_errno("cannot open '/dev/null'");
    else
        code = spawn_start(argv, input, output, output, child);
    if (!with_log && output >= 0)
        (void)close(output);
    (void)close(input);
    return code;
}

/* ---- noticing the end ---- */

int spawn_descriptor(void)
{
    return bell[0];
}

bool spawn_ended(pid_t child, int *exit_status)
{
    pid_t ended;
    int status;

    /* Before waitpid(), so that a child that ends after it rings again. */
    pipe_still(bell);
    ended = waitpid(child, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return false;
    if (ended < 0)
        die(EXIT_BUG, "cannot wait for a command: %s", strerror(errno));
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}
