#include "process/spawn.h"

#include "base/pipe.h"
#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int ends[2] = {-1, -1}; /* of a self-pipe that SIGCHLD rings */

static void on_child(int number)
{
    (void)number;
    pipe_ring(ends);
}

/*
 * SIGCHLD and not a pidfd, which Linux has from 5.3 on only. The parent may have left the signal
 * blocked, or ignored: the system then discards exit statuses.
 */
static bool watch_children(void)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigset_t signals;

    if (ends[0] >= 0)
        return true;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    return pipe_make_bell(ends) && sigaction(SIGCHLD, &action, NULL) == 0 &&
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

enum exit_code spawn_start_with(char *const argv[], int input, int output, int error, pid_t *child)
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

enum exit_code spawn_start(char *const argv[], int input, int output, pid_t *child)
{
    return spawn_start_with(argv, input, output, STDERR_FILENO, child);
}

int spawn_descriptor(void)
{
    return ends[0];
}

bool spawn_ended(pid_t child, int *exit_status)
{
    pid_t ended;
    int status;

    /* Before waitpid(), so that a child that ends after it rings again. */
    pipe_still(ends);
    ended = waitpid(child, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return false;
    if (ended < 0)
        die(EXIT_BUG, "cannot wait for a command: %s", strerror(errno));
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}
