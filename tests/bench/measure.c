/*
 * measure: runs a command and writes what it took to a file, as a line of JSON: its exit status (or
 * 128 and the signal), seconds of time, user and system CPU seconds, peak memory in KiB.
 *
 *   measure FILE COMMAND [ARGUMENT...]
 *
 * A small program, since a process starts with its parent's peak memory as its own. SIGTERM is left
 * to the command, which a signal to the group ends alone.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        perror("measure: clock_gettime");
        exit(1);
    }
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    double start = seconds();
    struct rusage used;
    FILE *file;
    int status;
    pid_t pid;

    if (argc < 3) {
        (void)fputs("usage: measure FILE COMMAND [ARGUMENT...]\n", stderr);
        return 1;
    }
    pid = fork();
    if (pid == 0) {
        (void)execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    (void)signal(SIGTERM, SIG_IGN);
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        perror("measure: cannot run");
        return 1;
    }
    start = seconds() - start;
    file = fopen(argv[1], "w");
    if (file == NULL ||
        fprintf(file,
                "{\"status\": %d, \"seconds\": %.6f, \"user\": %.6f, \"system\": %.6f, "
                "\"rss_kib\": %ld}\n",
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), start,
                seconds_of(used.ru_utime), seconds_of(used.ru_stime), used.ru_maxrss) < 0 ||
        fclose(file) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
