#include "process/spawn.h"

#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENCE_MS 30000

/* Text that a pipe does not hold. */
#define LONG_LEN (2 * (size_t)PIPE_BUF)
static char long_text[LONG_LEN];

static char folder[] = "/tmp/unit-spawn-XXXXXX";

/* Each returns the words of a command, valid until the next call. */
static char **program(const char *name)
{
    static char word[64];
    static char *words[] = {word, NULL};

    (void)snprintf(word, sizeof word, "%s", name);
    return words;
}

static char **script(const char *text)
{
    static char shell[] = "sh";
    static char option[] = "-c";
    static char copy[64];
    static char *words[] = {shell, option, copy, NULL};

    (void)snprintf(copy, sizeof copy, "%s", text);
    return words;
}

static enum exit_code start(char *const argv[], pid_t *child)
{
    return spawn_start(argv, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO, child);
}

/* Returns the exit status of a child; -1 if it does not end. */
static int status_of(pid_t child)
{
    struct pollfd ended = {.fd = spawn_descriptor(), .events = POLLIN};
    int status = -1;

    while (!spawn_ended(child, &status))
        if (!CHECK(poll(&ended, 1, PATIENCE_MS) != 0))
            return -1;
    return status;
}

/* Lets the program have so many more descriptors, or any number of them again: -1. */
static void limit_descriptors(int more)
{
    struct rlimit limit;
    int next;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    next = dup(STDIN_FILENO);
    (void)close(next);
    limit.rlim_cur = more < 0 ? limit.rlim_max : (rlim_t)(next + more);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void needs_descriptors_to_notice_the_end(void)
{
    pid_t child;

    limit_descriptors(1);
    EQUAL(spawn_descriptor(), -1);
    EQUAL(start(program("true"), &child), EXIT_BUG);
    SAME(unit_captured(2), "order-tools: cannot run 'true': Too many open files\n");
    limit_descriptors(-1);
}

static void tells_how_a_child_has_ended(void)
{
    pid_t child;

    EQUAL(start(program("true"), &child), EXIT_OK);
    EQUAL(status_of(child), 0);
    EQUAL(start(script("exit 7"), &child), EXIT_OK);
    EQUAL(status_of(child), 7);
    EQUAL(start(script("kill -KILL $$"), &child), EXIT_OK);
    EQUAL(status_of(child), 128 + SIGKILL);
}

static void tells_why_a_program_cannot_be_run(void)
{
    int fd = open("script", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    pid_t child;

    CHECK(write(fd, "\0", 1) == 1);
    (void)close(fd);
    EQUAL(start(program("./missing"), &child), EXIT_USAGE);
    SAME(unit_captured(2), "order-tools: cannot run './missing': No such file or directory\n");
    EQUAL(start(program("./script"), &child), EXIT_USAGE);
    CHECK(strstr(unit_captured(2), "a script needs a first line") != NULL);
    (void)unlink("script");
}

/* Returns the exit status of a command that compares its input with a file. */
static int compare(const char *text, size_t len)
{
    FILE *expected = fopen("expected", "w");
    pid_t child;

    (void)fprintf(expected, "%.*s\n", (int)len, text);
    (void)fclose(expected);
    if (!EQUAL(child_start(script("cmp -s - expected"), text, len, true, &child), EXIT_OK))
        return -1;
    return status_of(child);
}

static void hands_over_a_text(void)
{
    EQUAL(compare("", 0), 0);
    EQUAL(compare("short", 5), 0);
    EQUAL(compare(long_text, PIPE_BUF - 1), 0);
    EQUAL(compare(long_text, PIPE_BUF), 0);
    EQUAL(compare(long_text, LONG_LEN), 0);
    (void)unlink("expected");
}

static void logs_only_if_told(void)
{
    char **command = script("echo out; echo err >&2");
    pid_t child;

    EQUAL(child_start(command, "", 0, false, &child), EXIT_OK);
    EQUAL(status_of(child), 0);
    SAME(unit_captured(2), "");
    EQUAL(child_start(command, "", 0, true, &child), EXIT_OK);
    EQUAL(status_of(child), 0);
    SAME(unit_captured(2), "out\nerr\n");
}

static void needs_descriptors_for_a_text(void)
{
    static const char cannot_hand_over[] =
        "order-tools: cannot hand a message to 'true': Too many open files\n";
    pid_t child;

    limit_descriptors(0);
    EQUAL(child_start(program("true"), "text", 4, false, &child), EXIT_BUG);
    SAME(unit_captured(2), cannot_hand_over);
    EQUAL(child_start(program("true"), long_text, LONG_LEN, false, &child), EXIT_BUG);
    SAME(unit_captured(2), cannot_hand_over);
    limit_descriptors(1);
    EQUAL(child_start(program("true"), long_text, LONG_LEN, false, &child), EXIT_BUG);
    SAME(unit_captured(2), "order-tools: cannot open '/dev/null': Too many open files\n");
    limit_descriptors(-1);
}

static void needs_room_for_a_text(void)
{
    struct rlimit before;
    struct rlimit small;
    pid_t child;

    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    small = (struct rlimit){.rlim_cur = PIPE_BUF, .rlim_max = before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    EQUAL(child_start(program("true"), long_text, LONG_LEN, false, &child), EXIT_BUG);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0 && signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
    SAME(unit_captured(2), "order-tools: cannot hand a message to 'true': File too large\n");
}

static void wait_for_a_stranger(void)
{
    int status;

    (void)spawn_ended(getppid(), &status);
}

static void dies_if_a_child_is_none(void)
{
    EQUAL(unit_exit_code(wait_for_a_stranger), EXIT_BUG);
    SAME(unit_captured(2), "order-tools: cannot wait for a command: No child processes\n");
}

int main(void)
{
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return 1;
    memset(long_text, 'x', sizeof long_text);
    unit_capture(2);
    RUN(needs_descriptors_to_notice_the_end);
    RUN(tells_how_a_child_has_ended);
    RUN(tells_why_a_program_cannot_be_run);
    RUN(hands_over_a_text);
    RUN(logs_only_if_told);
    RUN(needs_descriptors_for_a_text);
    RUN(needs_room_for_a_text);
    RUN(dies_if_a_child_is_none);
    (void)rmdir(folder);
    return unit_end();
}
