/*
 * turns: one client that waits for each answer before it asks again. Prints how long the answers
 * took, as a line of JSON: the median and the 99th percentile in milliseconds.
 *
 *   turns COUNT FILE PORT                     asks at a port of this machine, on one connection
 *   turns COUNT FILE COMMAND [ARGUMENT...]    asks on a command's standard input
 *
 * FILE is what it asks. An answer ends with the line that ends in a brace.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNMEASURED 20 /* the first ones meet what has just started */

static void need(int is_so, const char *what)
{
    if (is_so)
        return;
    perror(what);
    exit(1);
}

static void connect_to(const char *port, int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};

    ends[0] = ends[1] = socket(AF_INET, SOCK_STREAM, 0);
    need(ends[0] >= 0, "turns: socket");
    need(connect(ends[0], (struct sockaddr *)&address, sizeof address) == 0, "turns: connect");
}

static pid_t start(char **command, int ends[2])
{
    int in[2];
    int out[2];
    pid_t pid;

    need(pipe(in) == 0 && pipe(out) == 0, "turns: pipe");
    pid = fork();
    need(pid >= 0, "turns: fork");
    if (pid == 0) {
        (void)dup2(in[0], STDIN_FILENO);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(in[0]);
        (void)close(in[1]);
        (void)close(out[0]);
        (void)close(out[1]);
        (void)execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    ends[0] = out[0];
    ends[1] = in[1];
    return pid;
}

static int64_t now_ns(void)
{
    struct timespec now;

    need(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "turns: clock_gettime");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Returns how many nanoseconds the answer took. */
static int64_t ask(const int ends[2], const char *text, size_t len)
{
    char answer[4096];
    size_t got = 0;
    int64_t start_ns = now_ns();

    need(write(ends[1], text, len) == (ssize_t)len, "turns: write");
    while (got < 2 || memcmp(answer + got - 2, "}\n", 2) != 0) {
        ssize_t more = read(ends[0], answer + got, sizeof answer - got);

        need(more > 0, "turns: read");
        got += (size_t)more;
    }
    return now_ns() - start_ns;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void print(int64_t *took_ns, size_t count)
{
    qsort(took_ns, count, sizeof *took_ns, compare);
    (void)printf("{\"p50\": %.4f, \"p99\": %.4f}\n", (double)took_ns[count / 2] / 1e6,
                 (double)took_ns[count * 99 / 100] / 1e6);
}

int main(int argc, char **argv)
{
    size_t count = argc < 4 ? 0 : strtoul(argv[1], NULL, 10);
    int64_t *took_ns = calloc(count + 1, sizeof *took_ns);
    FILE *file = argc < 4 ? NULL : fopen(argv[2], "rb");
    char text[4096];
    size_t len = file == NULL ? 0 : fread(text, 1, sizeof text, file);
    int ends[2];
    pid_t pid = 0;
    int status = 0;

    need(count > 0 && took_ns != NULL && len > 0 && fclose(file) == 0,
         "usage: turns COUNT FILE PORT|COMMAND");
    if (isdigit((unsigned char)argv[3][0]))
        connect_to(argv[3], ends);
    else
        pid = start(argv + 3, ends);
    for (size_t i = 0; i < UNMEASURED; i++)
        (void)ask(ends, text, len);
    for (size_t i = 0; i < count; i++)
        took_ns[i] = ask(ends, text, len);
    (void)close(ends[1]);
    if (pid != 0)
        need(waitpid(pid, &status, 0) == pid && status == 0, "turns: the command failed");
    print(took_ns, count);
    free(took_ns);
    return 0;
}
