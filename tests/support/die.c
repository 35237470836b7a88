/*
 * die: a library to be preloaded, that kills the program with SIGKILL at one call of one function.
 *
 *   DIE_AT=FUNCTION:N:before   the Nth call is not made
 *   DIE_AT=FUNCTION:N:after    the Nth call was made; of ack and reject, the broker knows
 *
 * With DIE_STOP set it is stopped there, with SIGSTOP, instead. Of batch, "before" may also be
 * "fail": the call is not made, and fails with EIO; or, as of rename, "wait": it is made once the
 * file DIE_WAIT exists.
 *
 * FUNCTION is commit (of SQLite or PostgreSQL, but for one that only reads, or only enters a run),
 * publish (of all that goes out in one call), ack, reject (of AMQP), flush (of something to
 * standard output, which is a file), sync (of a file to the disk), rename, batch (the sync of a
 * commit, while the program goes on), exec (of a command) or answer (of 202 to a client by HTTP).
 *
 * With CLOCK_LEAP=SECONDS the monotonic clock leaps so far when the program enters a run in
 * PostgreSQL, at its start: as if it had run for so long before it does anything else.
 */
#define _GNU_SOURCE
#include "amqp/rabbitmq.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Is this call the one, on that side of it? */
static bool is_due(const char *function, const char *side, unsigned call)
{
    const char *at = getenv("DIE_AT");
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "%s:%u:%s", function, call, side);
    return at != NULL && strcmp(at, wanted) == 0;
}

static void die_if_due(const char *function, const char *side, unsigned call)
{
    if (is_due(function, side, call))
        (void)raise(getenv("DIE_STOP") == NULL ? SIGKILL : SIGSTOP);
}

/*
 * For what the broker does not answer. If the connection ends before it has handled what it
 * received, that may be lost. On a channel it handles one method after the other: once it answers
 * the next, it knows.
 */
static void die_when_known(const char *function, unsigned call, amqp_connection_state_t state,
                           amqp_channel_t channel)
{
    if (is_due(function, "after", call) && amqp_basic_qos(state, channel, 0, 0, 0) == NULL)
        abort();
    die_if_due(function, "after", call);
}

static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL)
        abort();
    return function;
}

static unsigned commits;

int sqlite3_step(sqlite3_stmt *statement)
{
    const char *sql = sqlite3_sql(statement);
    bool commit = sql != NULL && strcmp(sql, "COMMIT") == 0;
    int (*original)(sqlite3_stmt *);
    int result;

    *(void **)&original = real("sqlite3_step");
    if (commit)
        die_if_due("commit", "before", ++commits);
    result = original(statement);
    if (commit)
        die_if_due("commit", "after", commits);
    return result;
}

/* Does it start with the method frame of a basic.publish, class 60 and method 40? */
static bool is_publish(const unsigned char *bytes, size_t len)
{
    return len > 11 && bytes[0] == AMQP_FRAME_METHOD && bytes[8] == 60 && bytes[10] == 40;
}

static bool contains(const void *bytes, size_t len, const char *text)
{
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

/* PostgreSQL: is there a COMMIT in what is sent, or the answer to it in what has come? With the
 * byte at its end, since each transaction begins as READ COMMITTED. */
static bool has_commit(const void *bytes, ssize_t len)
{
    return len > 0 && memmem(bytes, (size_t)len, "COMMIT", sizeof "COMMIT") != NULL;
}

/* Does it do no more than enter the program's run? A program that uses a file commits nothing
 * then. */
static bool only_enters_run(const char *bytes, size_t len)
{
    static const char table[] = "order_tools.";
    static const char run[] = "order_tools.runs";
    bool enters = contains(bytes, len, "INSERT INTO order_tools.runs");
    const char *end = bytes + len;
    const char *at = bytes;

    while ((at = memmem(at, (size_t)(end - at), table, strlen(table))) != NULL) {
        if ((size_t)(end - at) < strlen(run) || memcmp(at, run, strlen(run)) != 0)
            return false;
        at += strlen(table);
    }
    return enters;
}

/* Is the last COMMIT that was sent one of those that count? A connection belongs to one thread, and
 * another one renews the lease of the run. */
static _Thread_local bool commit_counts;

static _Atomic long leap_s;

int clock_gettime(clockid_t id, struct timespec *time)
{
    int (*original)(clockid_t, struct timespec *);
    int result;

    *(void **)&original = real("clock_gettime");
    result = original(id, time);
    if (result == 0 && id == CLOCK_MONOTONIC)
        time->tv_sec += leap_s;
    return result;
}

static void leap(void)
{
    const char *seconds = getenv("CLOCK_LEAP");

    if (seconds != NULL)
        leap_s = atol(seconds);
}

ssize_t recv(int socket, void *bytes, size_t len, int flags)
{
    ssize_t (*original)(int, void *, size_t, int);
    ssize_t result;

    *(void **)&original = real("recv");
    result = original(socket, bytes, len, flags);
    if (commit_counts && has_commit(bytes, result))
        die_if_due("commit", "after", commits);
    return result;
}

ssize_t send(int socket, const void *bytes, size_t len, int flags)
{
    static unsigned calls;
    ssize_t (*original)(int, const void *, size_t, int);
    ssize_t result;

    *(void **)&original = real("send");
    if (is_publish(bytes, len))
        die_if_due("publish", "before", ++calls);
    if (has_commit(bytes, (ssize_t)len)) {
        bool enters = only_enters_run(bytes, len);

        if (enters)
            leap();
        commit_counts = !enters && !contains(bytes, len, "READ ONLY");
        if (commit_counts)
            die_if_due("commit", "before", ++commits);
    }
    result = original(socket, bytes, len, flags);
    if (is_publish(bytes, len))
        die_if_due("publish", "after", calls);
    return result;
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
    static const char accepted[] = "HTTP/1.1 202 ";
    static unsigned calls;
    ssize_t (*original)(int, const struct msghdr *, int);
    bool is_answer = message->msg_iovlen > 0 && message->msg_iov[0].iov_len > strlen(accepted) &&
                     memcmp(message->msg_iov[0].iov_base, accepted, strlen(accepted)) == 0;
    ssize_t result;

    *(void **)&original = real("sendmsg");
    if (is_answer)
        die_if_due("answer", "before", ++calls);
    result = original(socket, message, flags);
    if (is_answer)
        die_if_due("answer", "after", calls);
    return result;
}

int amqp_basic_ack(amqp_connection_state_t state, amqp_channel_t channel, uint64_t tag,
                   amqp_boolean_t multiple)
{
    static unsigned calls;
    int (*original)(amqp_connection_state_t, amqp_channel_t, uint64_t, amqp_boolean_t);
    int result;

    *(void **)&original = real("amqp_basic_ack");
    die_if_due("ack", "before", ++calls);
    result = original(state, channel, tag, multiple);
    die_when_known("ack", calls, state, channel);
    return result;
}

int amqp_basic_reject(amqp_connection_state_t state, amqp_channel_t channel, uint64_t tag,
                      amqp_boolean_t requeue)
{
    static unsigned calls;
    int (*original)(amqp_connection_state_t, amqp_channel_t, uint64_t, amqp_boolean_t);
    int result;

    *(void **)&original = real("amqp_basic_reject");
    die_if_due("reject", "before", ++calls);
    result = original(state, channel, tag, requeue);
    die_when_known("reject", calls, state, channel);
    return result;
}

ssize_t write(int descriptor, const void *bytes, size_t len)
{
    static unsigned calls;
    ssize_t (*original)(int, const void *, size_t);
    ssize_t result;

    *(void **)&original = real("write");
    if (descriptor == STDOUT_FILENO)
        die_if_due("flush", "before", ++calls);
    result = original(descriptor, bytes, len);
    if (descriptor == STDOUT_FILENO)
        die_if_due("flush", "after", calls);
    return result;
}

int fsync(int descriptor)
{
    static unsigned calls;
    int (*original)(int);
    int result;

    *(void **)&original = real("fsync");
    die_if_due("sync", "before", ++calls);
    result = original(descriptor);
    die_if_due("sync", "after", calls);
    return result;
}

static void wait_for_file(const char *path)
{
    while (access(path, F_OK) != 0)
        (void)poll(NULL, 0, 10);
}

int rename(const char *from, const char *to)
{
    static unsigned calls;
    int (*original)(const char *, const char *);
    int result;

    *(void **)&original = real("rename");
    die_if_due("rename", "before", ++calls);
    if (is_due("rename", "wait", calls))
        wait_for_file(getenv("DIE_WAIT"));
    result = original(from, to);
    die_if_due("rename", "after", calls);
    return result;
}

int fdatasync(int descriptor)
{
    static unsigned calls;
    int (*original)(int);
    int result;

    *(void **)&original = real("fdatasync");
    if (gettid() == getpid())
        return original(descriptor);
    die_if_due("batch", "before", ++calls);
    if (is_due("batch", "fail", calls)) {
        errno = EIO;
        return -1;
    }
    if (is_due("batch", "wait", calls))
        wait_for_file(getenv("DIE_WAIT"));
    result = original(descriptor);
    die_if_due("batch", "after", calls);
    return result;
}

/* A command has ended: how it did is not known to the program yet, or is. */
pid_t waitpid(pid_t child, int *status, int options)
{
    static unsigned calls;
    pid_t (*original)(pid_t, int *, int);
    pid_t result;

    *(void **)&original = real("waitpid");
    result = original(child, status, options);
    if (result > 0)
        die_if_due("exec", "after", ++calls);
    return result;
}
