#include "process/coprocess.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/wait.h"
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)512 << 20)
#define FULL_MS 20 /* between attempts to write to a full pipe */
#define PATIENCE_MS 10000
#define AFTERTHOUGHT_MS 10 /* a second answer follows the first within this time */
#define END_MS 5000

struct coprocess {
    const char *name;
    pid_t child;
    int input;  /* its standard input: written here */
    int output; /* its standard output: read here */
    char *buffer;
    size_t capacity;
    size_t taken; /* bytes at the start that are the last answer */
    size_t len;
    bool warned;
};

static bool make_pipe(int ends[2], int ours)
{
    return pipe_make(ends) && fcntl(ends[ours], F_SETFL, O_NONBLOCK) == 0;
}

enum exit_code coprocess_start(char *const argv[], struct coprocess **out)
{
    struct coprocess *coprocess = xcalloc(1, sizeof *coprocess);
    int to[2] = {-1, -1};
    int from[2] = {-1, -1};
    enum exit_code code = EXIT_BUG;

    if (!make_pipe(to, 1) || !make_pipe(from, 0))
        report_errno("cannot make a pipe");
    else
        code = spawn_start(argv, to[0], from[1], STDERR_FILENO, &coprocess->child);
    (void)close(to[0]);
    (void)close(from[1]);
    coprocess->name = argv[0];
    coprocess->input = to[1];
    coprocess->output = from[0];
    *out = coprocess;
    if (code != EXIT_OK) {
        (void)close(to[1]);
        (void)close(from[0]);
        free(coprocess);
        *out = NULL;
    }
    return code;
}

static enum exit_code ended(const struct coprocess *coprocess)
{
    /* A signal to the process group may have ended it, too. */
    if (stop_requested())
        return EXIT_OK;
    report("the filter '%s' has ended before its time", printable_text(coprocess->name));
    return EXIT_INPUT;
}

/* Reads what the program has written, if anything, into the buffer. */
static enum exit_code read_on(struct coprocess *coprocess)
{
    ssize_t got;

    if (coprocess->len == coprocess->capacity) {
        coprocess->capacity = coprocess->capacity == 0 ? 65536 : coprocess->capacity * 2;
        coprocess->buffer = xrealloc(coprocess->buffer, coprocess->capacity);
    }
    got = read(coprocess->output, coprocess->buffer + coprocess->len,
               coprocess->capacity - coprocess->len);
    if (got > 0) {
        coprocess->len += (size_t)got;
        return EXIT_OK;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? EXIT_OK : ended(coprocess);
}

static void warn_once(struct coprocess *coprocess, int64_t since_ms)
{
    if (coprocess->warned || clock_monotonic_ms() - since_ms < PATIENCE_MS)
        return;
    report("no answer from the filter '%s' for %d s: it must answer each line, even one that it "
           "fails at, and at once, as jq --unbuffered does",
           printable_text(coprocess->name), PATIENCE_MS / 1000);
    coprocess->warned = true;
}

static enum exit_code write_line(struct coprocess *coprocess, const char *text, size_t len)
{
    int64_t since_ms = clock_monotonic_ms();
    size_t done = 0;

    while (done <= len && !stop_requested()) {
        ssize_t wrote = done < len ? write(coprocess->input, text + done, len - done)
                                   : write(coprocess->input, "\n", 1);

        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (wrote < 0 && errno == EAGAIN) {
            enum exit_code code;

            /* The program may be blocked until its output is read. */
            wait_for(coprocess->output, POLLIN, FULL_MS, true);
            code = read_on(coprocess);
            if (code != EXIT_OK)
                return code;
            warn_once(coprocess, since_ms);
        } else if (errno != EINTR) {
            return ended(coprocess);
        }
    }
    return EXIT_OK;
}

/* Further answers would be taken for those to later lines. */
static enum exit_code too_much(const struct coprocess *coprocess)
{
    report("the filter '%s' answers one line with more than one", printable_text(coprocess->name));
    return EXIT_INPUT;
}

static void forget_answer(struct coprocess *coprocess)
{
    coprocess->len -= coprocess->taken;
    if (coprocess->taken > 0)
        memmove(coprocess->buffer, coprocess->buffer + coprocess->taken, coprocess->len);
    coprocess->taken = 0;
}

/* Reads until there is a line, with its length in *len, or a stop is requested. */
static enum exit_code await_line(struct coprocess *coprocess, size_t *len)
{
    int64_t since_ms = clock_monotonic_ms();
    enum exit_code code = EXIT_OK;
    size_t looked_at = 0;
    char *newline = NULL;

    while (code == EXIT_OK && !stop_requested()) {
        if (coprocess->len > looked_at)
            newline = memchr(coprocess->buffer + looked_at, '\n', coprocess->len - looked_at);
        if (newline != NULL) {
            *len = (size_t)(newline - coprocess->buffer);
            coprocess->taken = *len + 1;
            return EXIT_OK;
        }
        looked_at = coprocess->len;
        if (coprocess->len > ANSWER_MAX) {
            report("the filter '%s' answers with an endless line", printable_text(coprocess->name));
            return EXIT_INPUT;
        }
        wait_for(coprocess->output, POLLIN, PATIENCE_MS / 10, true);
        warn_once(coprocess, since_ms);
        code = read_on(coprocess);
    }
    return code;
}

enum exit_code coprocess_check(struct coprocess *coprocess)
{
    enum exit_code code = EXIT_OK;

    forget_answer(coprocess);
    wait_for(coprocess->output, POLLIN, AFTERTHOUGHT_MS, false);
    if (wait_is_ready(coprocess->output, POLLIN))
        code = read_on(coprocess);
    return code == EXIT_OK && coprocess->len > 0 ? too_much(coprocess) : code;
}

enum exit_code coprocess_ask(struct coprocess *coprocess, const char *text, size_t len,
                             const char **answer, size_t *answer_len)
{
    enum exit_code code;

    *answer = NULL;
    forget_answer(coprocess);
    if (coprocess->len > 0)
        return too_much(coprocess);
    code = write_line(coprocess, text, len);
    if (code == EXIT_OK)
        code = await_line(coprocess, answer_len);
    if (code == EXIT_OK && coprocess->taken > 0)
        *answer = coprocess->buffer;
    return code;
}

/* Waits until the program has ended. Returns false after timeout_ms, unless that is negative. */
static bool await_end(const struct coprocess *coprocess, int timeout_ms)
{
    int64_t until = clock_monotonic_ms() + timeout_ms;
    int64_t left = timeout_ms;
    int exit_status;

    while (!spawn_ended(coprocess->child, &exit_status)) {
        if (timeout_ms >= 0 && (left = until - clock_monotonic_ms()) <= 0)
            return false;
        wait_for(spawn_descriptor(), POLLIN, (int)left, false);
    }
    return true;
}

void coprocess_free(struct coprocess *coprocess)
{
    if (coprocess == NULL)
        return;
    (void)close(coprocess->input);
    (void)close(coprocess->output);
    if (!await_end(coprocess, END_MS) && kill(coprocess->child, SIGKILL) == 0)
        (void)await_end(coprocess, -1);
    free(coprocess->buffer);
    free(coprocess);
}
