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
#define FULL_MS 20 /* until it is tried again whether the program reads on */
#define PATIENCE_MS 10000
#define AFTERTHOUGHT_MS 10 /* that a second answer may take to follow the first */
#define END_MS 5000

struct coprocess {
    const char *name;
    pid_t child;
    int input;  /* what we write and it reads */
    int output; /* what it writes and we read */
    char *buffer;
    size_t capacity;
    size_t taken; /* bytes at the start that were the last answer */
    size_t len;
    bool warned;
};

static bool make_pipe(int ends[2], int ours)
{
    return pipe_make(ends) && fcntl(ends[ours], F_SETFL, O_NONBLOCK) == 0;
}

enum exit_code coprocess_start(char *const argv[], struct coprocess **out)
{
    struct coprocess *filter = xcalloc(1, sizeof *filter);
    int to[2] = {-1, -1};
    int from[2] = {-1, -1};
    enum exit_code code = EXIT_BUG;

    if (!make_pipe(to, 1) || !make_pipe(from, 0))
        report_errno("cannot make a pipe");
    else
        code = spawn_start(argv, to[0], from[1], &filter->child);
    (void)close(to[0]);
    (void)close(from[1]);
    filter->name = argv[0];
    filter->input = to[1];
    filter->output = from[0];
    *out = filter;
    if (code != EXIT_OK) {
        (void)close(to[1]);
        (void)close(from[0]);
        free(filter);
        *out = NULL;
    }
    return code;
}

static enum exit_code ended(const struct coprocess *filter)
{
    /* The signal that stops us may have ended it, too. */
    if (stop_requested())
        return EXIT_OK;
    report("the filter '%s' has ended before its time", printable_text(filter->name));
    return EXIT_INPUT;
}

/* Takes in what the program has written, if anything. */
static enum exit_code read_on(struct coprocess *filter)
{
    ssize_t got;

    if (filter->len == filter->capacity) {
        filter->capacity = filter->capacity == 0 ? 65536 : filter->capacity * 2;
        filter->buffer = xrealloc(filter->buffer, filter->capacity);
    }
    got = read(filter->output, filter->buffer + filter->len, filter->capacity - filter->len);
    if (got > 0) {
        filter->len += (size_t)got;
        return EXIT_OK;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? EXIT_OK : ended(filter);
}

static void warn_once(struct coprocess *filter, int64_t since_ms)
{
    if (filter->warned || clock_monotonic_ms() - since_ms < PATIENCE_MS)
        return;
    report("no answer from the filter '%s' for %d s: it must answer line by line, as jq "
           "--unbuffered does",
           printable_text(filter->name), PATIENCE_MS / 1000);
    filter->warned = true;
}

static enum exit_code write_line(struct coprocess *filter, const char *text, size_t len)
{
    int64_t since_ms = clock_monotonic_ms();
    size_t done = 0;

    while (done <= len && !stop_requested()) {
        ssize_t wrote = done < len ? write(filter->input, text + done, len - done)
                                   : write(filter->input, "\n", 1);

        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (wrote < 0 && errno == EAGAIN) {
            enum exit_code code;

            /* It may be waiting for us to read what it has to say. */
            wait_for(filter->output, POLLIN, FULL_MS, true);
            code = read_on(filter);
            if (code != EXIT_OK)
                return code;
            warn_once(filter, since_ms);
        } else if (errno != EINTR) {
            return ended(filter);
        }
    }
    return EXIT_OK;
}

/* Its further answers would be taken for those to other letters. */
static enum exit_code too_much(const struct coprocess *filter)
{
    report("the filter '%s' answers one line with more than one", printable_text(filter->name));
    return EXIT_INPUT;
}

static void forget_answer(struct coprocess *filter)
{
    filter->len -= filter->taken;
    if (filter->taken > 0)
        memmove(filter->buffer, filter->buffer + filter->taken, filter->len);
    filter->taken = 0;
}

/* Reads until there is a line, of which *len is the length, or a stop is asked for. */
static enum exit_code await_line(struct coprocess *filter, size_t *len)
{
    int64_t since_ms = clock_monotonic_ms();
    enum exit_code code = EXIT_OK;
    size_t looked_at = 0;
    char *newline = NULL;

    while (code == EXIT_OK && !stop_requested()) {
        if (filter->len > looked_at)
            newline = memchr(filter->buffer + looked_at, '\n', filter->len - looked_at);
        if (newline != NULL) {
            *len = (size_t)(newline - filter->buffer);
            filter->taken = *len + 1;
            return EXIT_OK;
        }
        looked_at = filter->len;
        if (filter->len > ANSWER_MAX) {
            report("the filter '%s' answers with an endless line", printable_text(filter->name));
            return EXIT_INPUT;
        }
        wait_for(filter->output, POLLIN, PATIENCE_MS / 10, true);
        warn_once(filter, since_ms);
        code = read_on(filter);
    }
    return code;
}

enum exit_code coprocess_check(struct coprocess *filter)
{
    enum exit_code code = EXIT_OK;

    forget_answer(filter);
    wait_for(filter->output, POLLIN, AFTERTHOUGHT_MS, false);
    if (wait_is_ready(filter->output, POLLIN))
        code = read_on(filter);
    return code == EXIT_OK && filter->len > 0 ? too_much(filter) : code;
}

enum exit_code coprocess_ask(struct coprocess *filter, const char *text, size_t len,
                             const char **answer, size_t *answer_len)
{
    enum exit_code code;

    *answer = NULL;
    forget_answer(filter);
    if (filter->len > 0)
        return too_much(filter);
    code = write_line(filter, text, len);
    if (code == EXIT_OK)
        code = await_line(filter, answer_len);
    if (code == EXIT_OK && filter->taken > 0)
        *answer = filter->buffer;
    return code;
}

/* Has it ended within timeout_ms (whenever, if negative)? */
static bool await_end(const struct coprocess *filter, int timeout_ms)
{
    int64_t until = clock_monotonic_ms() + timeout_ms;
    int64_t left = timeout_ms;
    int exit_status;

    while (!spawn_ended(filter->child, &exit_status)) {
        if (timeout_ms >= 0 && (left = until - clock_monotonic_ms()) <= 0)
            return false;
        wait_for(spawn_descriptor(), POLLIN, (int)left, false);
    }
    return true;
}

void coprocess_free(struct coprocess *filter)
{
    if (filter == NULL)
        return;
    (void)close(filter->input);
    (void)close(filter->output);
    if (!await_end(filter, END_MS) && kill(filter->child, SIGKILL) == 0)
        (void)await_end(filter, -1);
    free(filter->buffer);
    free(filter);
}
