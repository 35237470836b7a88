#include "command.h"

#include "process.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct command {
    pid_t child;
    int life; /* read end of a pipe whose other end the child holds */
};

/* A pipe with all of the text in it: so many bytes it takes at once. */
static int text_in_pipe(const char *text, size_t len)
{
    int ends[2];

    if (pipe(ends) != 0)
        return -1;
    if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0 || write(ends[1], text, len) != (ssize_t)len ||
        write(ends[1], "\n", 1) != 1) {
        (void)close(ends[0]);
        ends[0] = -1;
    }
    (void)close(ends[1]);
    return ends[0];
}

/* The text as a file that is gone once it is closed: unlike a pipe it never fills up. */
static int text_in_file(const char *text, size_t len)
{
    FILE *file = tmpfile();
    int fd = -1;

    if (file != NULL && fwrite(text, 1, len, file) == len && fputc('\n', file) != EOF && fflush(file) == 0 &&
        fseek(file, 0, SEEK_SET) == 0)
        fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (file != NULL)
        (void)fclose(file);
    return fd;
}

enum exit_code command_start(char *const argv[], const char *text, size_t len, struct command **out)
{
    struct command *command = need_calloc(1, sizeof *command);
    int life[2] = {-1, -1};
    int input = len < PIPE_BUF ? text_in_pipe(text, len) : text_in_file(text, len);
    enum exit_code code = EXIT_STORE;

    *out = NULL;
    if (input < 0) {
        report_errno("cannot hand a message to a command");
    } else {
        code = EXIT_BUG;
        if (pipe(life) != 0 || fcntl(life[0], F_SETFD, FD_CLOEXEC) < 0)
            report_errno("cannot run '%s'", printable_text(argv[0]));
        else
            code = process_start(argv, input, STDERR_FILENO, &command->child);
        (void)close(input);
    }
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
