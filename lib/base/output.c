#include "base/output.h"

#include "base/memory.h"
#include "base/outlet.h"
#include "base/program.h"
#include "base/stop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct outlet out = {.descriptor = STDOUT_FILENO};
static bool in_use;
static bool is_terminal;
static bool failed;
static bool only_shows;
static bool has_no_reader;

static enum exit_code failure(void)
{
    if (!failed) {
        has_no_reader = only_shows && errno == EPIPE && stop_pipe_kills();
        if (!has_no_reader)
            report("cannot write standard output: %s", outlet_reason());
    }
    failed = true;
    return EXIT_OUTPUT;
}

void output_only_shows(void)
{
    only_shows = true;
}

bool output_has_no_reader(void)
{
    return has_no_reader;
}

/* For exits by die(): its message has been written, so that a failure is not reported. */
static void flush_at_exit(void)
{
    if (!failed)
        (void)outlet_flush(&out);
}

static void start(void)
{
    in_use = true;
    is_terminal = isatty(STDOUT_FILENO) == 1;
    program_at_end(flush_at_exit);
}

enum exit_code output_text(const char *text, size_t len)
{
    if (failed)
        return EXIT_OUTPUT;
    if (!in_use)
        start();
    return outlet_add(&out, text, len) ? EXIT_OK : failure();
}

enum exit_code output_line(const char *text, size_t len)
{
    enum exit_code code = output_text(text, len);

    if (code == EXIT_OK)
        code = output_text("\n", 1);
    /* So that a person sees the line before any later message. */
    return code == EXIT_OK && is_terminal ? output_flush() : code;
}

enum exit_code output_flush(void)
{
    if (failed)
        return EXIT_OUTPUT;
    return outlet_flush(&out) ? EXIT_OK : failure();
}

enum exit_code output_write(const char *text, size_t len, size_t *taken)
{
    *taken = 0;
    if (failed)
        return EXIT_OUTPUT;
    return outlet_write(&out, text, len, taken) ? EXIT_OK : failure();
}

enum exit_code output_sync(void)
{
    struct stat status;

    if (output_flush() != EXIT_OK)
        return EXIT_OUTPUT;
    if (fstat(STDOUT_FILENO, &status) != 0 ||
        (S_ISREG(status.st_mode) && fsync(STDOUT_FILENO) != 0))
        return failure();
    return EXIT_OK;
}

enum exit_code output_some(const char **text, size_t *len)
{
    ssize_t got;

    if (failed)
        return EXIT_OUTPUT;
    got = outlet_write_some(&out, *text, *len);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        return failure();
    *text += got < 0 ? 0 : got;
    *len -= got < 0 ? 0 : (size_t)got;
    return EXIT_OK;
}

int output_descriptor(void)
{
    return outlet_descriptor(&out);
}

enum exit_code output_close(enum exit_code code)
{
    if (failed)
        return EXIT_OUTPUT;
    return outlet_close(&out) ? code : failure();
}
