#include "process.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_START 127

/*
 * In the child: nothing but calls that are safe after fork(). An errno of why it came to nothing goes into
 * failure.
 */
static _Noreturn void become(char *const argv[], int input, int output, int failure)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};

    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        sigaction(SIGPIPE, &normal, NULL) == 0)
        (void)execvp(argv[0], argv);
    /* If this cannot be said either, the exit status says it. */
    if (write(failure, &errno, sizeof errno) < 0)
        _exit(CANNOT_START);
    _exit(CANNOT_START);
}

/* Waits for exec() to succeed, which closes the pipe, or for the child to say why it did not. */
static int start_failure(int fd)
{
    int reason = 0;
    ssize_t got;

    do
        got = read(fd, &reason, sizeof reason);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof reason ? reason : 0;
}

static enum exit_code start_child(char *const argv[], int input, int output, int failure[2], pid_t *child)
{
    int reason;

    if (fcntl(failure[0], F_SETFD, FD_CLOEXEC) < 0 || fcntl(failure[1], F_SETFD, FD_CLOEXEC) < 0)
        return EXIT_BUG;
    report_flush();
    *child = fork();
    if (*child < 0)
        return EXIT_BUG;
    if (*child == 0)
        become(argv, input, output, failure[1]);
    (void)close(failure[1]);
    failure[1] = -1;
    reason = start_failure(failure[0]);
    if (reason == 0)
        return EXIT_OK;
    (void)waitpid(*child, NULL, 0);
    errno = reason;
    return EXIT_USAGE;
}

enum exit_code process_start(char *const argv[], int input, int output, pid_t *child)
{
    int failure[2] = {-1, -1};
    enum exit_code code = EXIT_BUG;

    if (pipe(failure) == 0)
        code = start_child(argv, input, output, failure, child);
    if (code != EXIT_OK)
        report_errno("cannot run '%s'", printable_text(argv[0]));
    (void)close(failure[0]);
    (void)close(failure[1]);
    return code;
}
