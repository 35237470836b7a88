/*
 * lend: runs a command with a descriptor of an unusual kind.
 *
 *   lend nonblocking DESCRIPTOR COMMAND...
 *       Sets O_NONBLOCK on the open file of that descriptor, for every process that shares it.
 *   lend socket COMMAND...
 *       Makes standard output a socket, and copies its content to our own in small pieces.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void unblock(const char *descriptor)
{
    int fd = atoi(descriptor);
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        fail(descriptor);
}

static void copy(int fd)
{
    char bytes[512];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        if (write(STDOUT_FILENO, bytes, (size_t)got) != got)
            fail("write");
}

/* Returns in the child. */
static void put_socket(void)
{
    int ends[2];
    int status;
    pid_t child;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        fail("socketpair");
    child = fork();
    if (child == 0) {
        (void)dup2(ends[0], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        return;
    }
    (void)close(ends[0]);
    copy(ends[1]);
    if (waitpid(child, &status, 0) < 0)
        fail("waitpid");
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int argc, char **argv)
{
    char **command = argv + 2;

    if (argc > 3 && strcmp(argv[1], "nonblocking") == 0)
        unblock(*command++);
    else if (argc > 2 && strcmp(argv[1], "socket") == 0)
        put_socket();
    else
        return 64;
    (void)execvp(*command, command);
    fail(*command);
}
