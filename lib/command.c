#include "command.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_START 127

struct command {
    pid_t child;
    int life; /* read end of a pipe whose other end the child holds */
};

/* The text as a file that is gone once it is closed: unlike a pipe it never fills up. */
static int text_as_input(const char *text, size_t len)
{
    FILE *file = tmpfile();
    int fd = -1;

    if (file != NULL && fwrite(text, 1, len, file) == len && fputc('\n', file) != EOF && fflush(file) == 0 &&
        fseek(file, 0, SEEK_SET) == 0)
        fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0)
        report_errno("cannot hand a message to a command");
    if (file != NULL)
        (void)fclose(file);
    return fd;
}

/*
 * In the child: nothing but calls that are safe after fork(). An errno of why it came to nothing goes into
 * failure.
 */
static _Noreturn void become(char *const argv[], int input, int failure)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};

    if (dup2(input, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
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

static void close_pair(const int pair[2])
{
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static enum exit_code start_child(struct command *command, char *const argv[], int input, int life[2],
                                  int failure[2])
{
    int reason;

    if (fcntl(life[0], F_SETFD, FD_CLOEXEC) < 0 || fcntl(failure[0], F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(failure[1], F_SETFD, FD_CLOEXEC) < 0)
        return EXIT_BUG;
    report_flush();
    command->child = fork();
    if (command->child < 0)
        return EXIT_BUG;
    if (command->child == 0)
        become(argv, input, failure[1]);
    (void)close(failure[1]);
    failure[1] = -1;
    reason = start_failure(failure[0]);
    if (reason == 0)
        return EXIT_OK;
    (void)waitpid(command->child, NULL, 0);
    errno = reason;
    return EXIT_USAGE;
}

enum exit_code command_start(char *const argv[], const char *text, size_t len, struct command **out)
{
    struct command *command = need_calloc(1, sizeof *command);
    int life[2] = {-1, -1};
    int failure[2] = {-1, -1};
    int input = text_as_input(text, len);
    enum exit_code code = EXIT_STORE;

    *out = NULL;
    if (input >= 0) {
        code = EXIT_BUG;
        if (pipe(life) == 0 && pipe(failure) == 0)
            code = start_child(command, argv, input, life, failure);
        if (code != EXIT_OK)
            report_errno("cannot run '%s'", printable_text(argv[0]));
        (void)close(input);
    }
    close_pair(failure);
    (void)close(life[1]);
    if (code != EXIT_OK) {
        (void)close(life[0]);
        free(command);
        return code;
    }
    command->life = life[0];
    *out = command;
    return EXIT_OK;
}

int command_descriptor(const struct command *command)
{
    return command->life;
}

bool command_ended(struct command *command, int *exit_status)
{
    int status;
    pid_t child = waitpid(command->child, &status, WNOHANG);

    if (child == 0 || (child < 0 && errno == EINTR))
        return false;
    if (child < 0)
        die(EXIT_BUG, "cannot wait for a command: %s", strerror(errno));
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    (void)close(command->life);
    free(command);
    return true;
}
