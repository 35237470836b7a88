#include "process.h"

#include "text.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

/* A program that knows nothing of pipes is not to live on when nobody reads what it writes: we ignore that signal. */
static int heed_broken_pipes(posix_spawnattr_t *attributes)
{
    sigset_t signals;
    int error;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGPIPE);
    error = posix_spawnattr_setsigdefault(attributes, &signals);
    return error != 0 ? error : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
}

static int spawn(char *const argv[], int input, int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = heed_broken_pipes(&attributes);
        if (error == 0)
            error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        if (error == 0)
            error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (error == 0)
            error = posix_spawnp(child, argv[0], &actions, &attributes, argv, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

enum exit_code process_start(char *const argv[], int input, int output, pid_t *child)
{
    int error;

    report_flush();
    error = spawn(argv, input, output, child);
    if (error == 0)
        return EXIT_OK;
    errno = error;
    if (error == ENOEXEC)
        report("cannot run '%s': it is no program of this machine; a script needs a first line such as "
               "#!/bin/sh",
               printable_text(argv[0]));
    else
        report_errno("cannot run '%s'", printable_text(argv[0]));
    return error == EAGAIN || error == ENOMEM || error == EMFILE ? EXIT_BUG : EXIT_USAGE;
}
