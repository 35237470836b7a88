/* For SIGWINCH and the size of the terminal. */
#define _DEFAULT_SOURCE /* NOLINT */

#include "terminal/screen.h"

#include "base/memory.h"
#include "base/output.h"
#include "base/program.h"
#include "base/stop.h"
#include "base/wait.h"
#include "terminal/columns.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ECMA-48, and xterm's sequences, widely known, for the alternate screen and the cursor. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define ERASE_LINE "\033[K"
#define ERASE_BELOW "\033[J"

static volatile sig_atomic_t changed;
static volatile sig_atomic_t suspended;
static volatile sig_atomic_t descriptor; /* for signal handlers to write to */
static bool is_open;

bool screen_is_possible(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) == 1 && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

bool screen_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

struct screen_size screen_size(void)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return (struct screen_size){.columns = 80, .rows = 24};
    return (struct screen_size){.columns = size.ws_col, .rows = size.ws_row};
}

bool screen_changed(void)
{
    bool was = changed != 0;

    changed = 0;
    return was;
}

/* ---- signals ---- */

static void write_now(const char *sequence)
{
    /* If the terminal is gone there is nothing to restore. */
    if (write(descriptor, sequence, strlen(sequence)) < 0)
        return;
}

static void on_resize(int number)
{
    (void)number;
    changed = 1;
}

/* Leaves the alternate screen. The raised signal suspends the program when the handler returns. */
static void on_suspend(int number)
{
    int kept = errno;

    write_now(LEAVE);
    suspended = 1;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    errno = kept;
}

static bool handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction before;

    (void)sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) != 0)
        return false;
    /* A shell without job control starts its children with SIGTSTP ignored: left so. */
    return before.sa_handler == SIG_IGN || sigaction(number, &action, NULL) == 0;
}

static void on_continue(int number)
{
    int kept = errno;

    (void)number;
    if (suspended != 0) {
        (void)handle(SIGTSTP, on_suspend);
        write_now(ENTER);
    }
    suspended = 0;
    changed = 1;
    errno = kept;
}

/* Keeps a signal from arriving between the check for a stop and the drawing. */
static void hold_signals(int how)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT};
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&set, numbers[i]);
    (void)sigprocmask(how, &set, NULL);
}

/* ---- drawing ---- */

/* Signals are let through while a terminal that is held up, by Ctrl-S, is waited for. */
static enum exit_code show(const char *text, size_t len)
{
    enum exit_code code = EXIT_OK;

    while (len > 0 && code == EXIT_OK && !stop_requested()) {
        hold_signals(SIG_BLOCK);
        if (!stop_requested())
            code = output_some(&text, &len);
        hold_signals(SIG_UNBLOCK);
        if (len > 0 && code == EXIT_OK)
            wait_for(STDOUT_FILENO, POLLOUT, -1, true);
    }
    return code;
}

static void leave_at_exit(void)
{
    (void)screen_close();
}

enum exit_code screen_open(void)
{
    descriptor = output_descriptor();
    program_at_end(leave_at_exit);
    if (!handle(SIGWINCH, on_resize) || !handle(SIGTSTP, on_suspend) ||
        !handle(SIGCONT, on_continue))
        die(EXIT_BUG, "cannot set up the terminal");
    is_open = true;
    (void)stop_farewell(LEAVE, descriptor);
    return show(ENTER, strlen(ENTER));
}

enum exit_code screen_close(void)
{
    const char *pending;
    enum exit_code code;

    if (!is_open)
        return EXIT_OK;
    is_open = false;
    (void)signal(SIGCONT, SIG_DFL);
    (void)signal(SIGTSTP, SIG_DFL);
    /* NULL if a signal's handler has written it already. */
    hold_signals(SIG_BLOCK);
    pending = stop_farewell(NULL, descriptor);
    hold_signals(SIG_UNBLOCK);
    if (pending == NULL)
        return EXIT_OK;
    code = output_text(pending, strlen(pending));
    return code == EXIT_OK ? output_flush() : code;
}

/* Puts a question mark for each character that the terminal cannot show. */
static void put_line(FILE *out, const char *line, size_t columns)
{
    size_t fit = columns_fit(line, columns);
    bool utf8 = screen_is_utf8();

    for (size_t i = 0; i < fit; i++) {
        unsigned char byte = (unsigned char)line[i];

        if (utf8 || byte < 0x80)
            (void)fputc(byte, out);
        else if ((byte & 0xC0) == 0xC0)
            (void)fputc('?', out);
    }
}

static void put_lines(FILE *out, char *text)
{
    struct screen_size size = screen_size();
    size_t row = 0;

    (void)fputs(HOME, out);
    for (; *text != '\0' && row < size.rows; row++) {
        char *line = text;

        text += strcspn(text, "\n");
        if (*text == '\n')
            *text++ = '\0';
        if (row > 0)
            (void)fputs("\r\n", out);
        put_line(out, line, size.columns);
        /* If the last column is written to, erasing would remove the character there. */
        if (columns_of(line) < size.columns)
            (void)fputs(ERASE_LINE, out);
    }
    if (row < size.rows)
        (void)fputs("\r\n" ERASE_BELOW, out);
    /* Whatever is written now, such as a message on standard error, the next drawing covers. */
    (void)fputs(HOME, out);
}

enum exit_code screen_draw(const char *text)
{
    char *copy = xstrdup(text);
    char *frame = NULL;
    size_t len = 0;
    FILE *out = columns_start(&frame, &len);
    enum exit_code code;

    put_lines(out, copy);
    columns_finish(out);
    code = show(frame, len);
    free(frame);
    free(copy);
    return code;
}
