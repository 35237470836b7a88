#define _GNU_SOURCE /* memfd_create() */

#include "process/child.h"

#include "base/pipe.h"
#include "base/text.h"
#include "process/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

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

static enum exit_code start_without_log(char *const argv[], int input, pid_t *child)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    enum exit_code code = EXIT_BUG;

    if (nowhere < 0)
        report_errno("cannot open '/dev/null'");
    else
        code = spawn_start_with(argv, input, nowhere, nowhere, child);
    if (nowhere >= 0)
        (void)close(nowhere);
    return code;
}

enum exit_code child_start(char *const argv[], const char *text, size_t len, bool with_log,
                           pid_t *child)
{
    int input = len < PIPE_BUF ? text_in_pipe(text, len) : text_in_memory(text, len);
    enum exit_code code = EXIT_BUG;

    if (input < 0)
        report_errno("cannot hand a message to '%s'", printable_text(argv[0]));
    else if (with_log)
        code = spawn_start(argv, input, STDERR_FILENO, child);
    else
        code = start_without_log(argv, input, child);
    if (input >= 0)
        (void)close(input);
    return code;
}
