#include "base/outlet.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct outlet outlet;

static void begin(int descriptor)
{
    memset(&outlet, 0, sizeof outlet);
    outlet.descriptor = descriptor;
}

static void check_read(int descriptor, const char *expected)
{
    char text[256] = "";
    ssize_t got = read(descriptor, text, sizeof text - 1);

    EQUAL(got, strlen(expected));
    SAME(text, expected);
}

static void opens_a_private_file_to_append_to(void)
{
    char directory[] = "/tmp/order-tools-outlet.XXXXXX";
    char path[64];
    struct stat info;
    int fd;

    if (!CHECK(mkdtemp(directory) != NULL))
        return;
    (void)umask(0);
    (void)snprintf(path, sizeof path, "%s/file", directory);
    for (int i = 0; i < 2; i++) {
        CHECK(outlet_open(&outlet, path));
        CHECK(outlet_add(&outlet, "line\n", 5));
        CHECK(outlet_close(&outlet));
    }
    CHECK(stat(path, &info) == 0);
    EQUAL(info.st_mode & 0777, 0600);
    fd = open(path, O_RDONLY);
    check_read(fd, "line\nline\n");
    (void)close(fd);
    (void)unlink(path);
    (void)rmdir(directory);
}

static void tells_why_it_cannot_open(void)
{
    CHECK(!outlet_open(&outlet, "/nowhere/file"));
    EQUAL(errno, ENOENT);
    SAME(outlet_reason(), "No such file or directory");
    CHECK(!outlet_open(&outlet, "/"));
    EQUAL(errno, EISDIR);
}

static void writes_to_pipes_and_sockets(void)
{
    size_t written = 0;
    int ends[2];

    for (int is_socket = 0; is_socket < 2; is_socket++) {
        /* A pipe has its end for reading first. */
        if (!CHECK((is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0))
            return;
        begin(ends[1]);
        CHECK(outlet_add(&outlet, "a", 1));
        CHECK(outlet_write(&outlet, "bc", 2, &written));
        EQUAL(written, 2);
        EQUAL(outlet_write_some(&outlet, "d", 1), 1);
        check_read(ends[0], "abcd");
        (void)close(ends[0]);
        CHECK(!outlet_write(&outlet, "e", 1, &written));
        EQUAL(errno, EPIPE);
        EQUAL(written, 0);
        CHECK(outlet_add(&outlet, "f", 1));
        CHECK(!outlet_close(&outlet));
    }
}

/* Lines that fit into PIPE_BUF are not cut. */
static void writes_whole_lines_to_a_pipe_at_once(void)
{
    enum { LINE = PIPE_BUF / 2 + 100 };
    char text[2 * LINE];
    int ends[2];

    if (!CHECK(pipe(ends) == 0))
        return;
    memset(text, 'x', sizeof text);
    text[LINE - 1] = text[2 * LINE - 1] = '\n';
    begin(ends[1]);
    EQUAL(outlet_write_some(&outlet, text, sizeof text), LINE);
    memset(text, 'x', sizeof text);
    EQUAL(outlet_write_some(&outlet, text, sizeof text), PIPE_BUF);
    EQUAL(outlet_write_some(&outlet, text, 5), 5);
    (void)close(ends[0]);
    CHECK(outlet_close(&outlet));
}

static void does_not_wait_to_write_some(void)
{
    char text[PIPE_BUF];
    ssize_t got;
    int ends[2];

    if (!CHECK(pipe(ends) == 0))
        return;
    memset(text, 'x', sizeof text);
    begin(ends[1]);
    do
        got = outlet_write_some(&outlet, text, sizeof text);
    while (got > 0);
    EQUAL(got, -1);
    EQUAL(errno, EAGAIN);
    /* The pipe itself stays as it was: others may share it. */
    EQUAL(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    CHECK(outlet_descriptor(&outlet) != ends[1]);
    (void)close(ends[0]);
    (void)outlet_close(&outlet);
}

/* Reads and counts lines until there are no more for now; each must have that many bytes. */
static size_t count_lines(int descriptor, size_t line)
{
    size_t len = 0;
    size_t lines = 0;
    char byte;

    while (read(descriptor, &byte, 1) == 1) {
        len++;
        if (byte != '\n')
            continue;
        CHECK(len == line);
        len = 0;
        lines++;
    }
    EQUAL(len, 0);
    return lines;
}

static void drops_lines_instead_of_waiting(void)
{
    enum { LINE = 100, LINES = 10000 };
    char text[LINE];
    size_t lines;
    int ends[2];

    if (!CHECK(pipe(ends) == 0))
        return;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    begin(ends[1]);
    outlet.never_waits = true;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < LINES; i++) {
        CHECK(outlet_add(&outlet, text, LINE - 1));
        CHECK(outlet_add(&outlet, "\n", 1));
        if (i % 7 == 0)
            CHECK(outlet_flush(&outlet));
    }
    CHECK(outlet.dropped > LINES / 2);
    lines = count_lines(ends[0], LINE);
    while (outlet.len > 0 && CHECK(outlet_flush(&outlet)))
        lines += count_lines(ends[0], LINE);
    EQUAL(lines + outlet.dropped, LINES);
    (void)close(ends[0]);
    (void)outlet_close(&outlet);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    RUN(opens_a_private_file_to_append_to);
    RUN(tells_why_it_cannot_open);
    RUN(writes_to_pipes_and_sockets);
    RUN(writes_whole_lines_to_a_pipe_at_once);
    RUN(does_not_wait_to_write_some);
    RUN(drops_lines_instead_of_waiting);
    return unit_end();
}
