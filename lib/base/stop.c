#include "base/stop.h"

#include "base/clock.h"
#include "base/pipe.h"
#include "base/report.h"
#include "base/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The signals that request a stop, and when each first arrived; 0 if it has not. */
static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
static volatile int64_t first_ms[sizeof numbers / sizeof numbers[0]];

static atomic_int received;
/* Of the thread that the signals reach, and of another. */
static atomic_int to_be_cut[2] = {-1, -1};
static _Thread_local bool gets_signals;
static int pipe_ends[2] = {-1, -1};
static const char *volatile farewell;
static volatile sig_atomic_t farewell_descriptor;
static bool pipe_kills;

static bool some_to_be_cut(void)
{
    return to_be_cut[0] >= 0 || to_be_cut[1] >= 0;
}

/* Has the signal arrived before, long enough ago for this to be another request? */
static bool is_repeated(int number)
{
    int64_t now = clock_monotonic_ms();
    size_t i = 0;

    while (numbers[i] != number)
        i++;
    if (first_ms[i] == 0)
        first_ms[i] = now;
    return now - first_ms[i] >= STOP_TWICE_MS;
}

static void on_signal(int number)
{
    int kept = errno;

    if (is_repeated(number)) {
        /* Delivered once this handler returns. */
        (void)signal(number, SIG_DFL);
        (void)raise(number);
        return;
    }
    received = number;
    if (some_to_be_cut())
        (void)alarm(STOP_CUT_SECONDS);
    pipe_ring(pipe_ends);
    if (farewell != NULL && write(farewell_descriptor, farewell, strlen(farewell)) > 0)
        farewell = NULL;
    errno = kept;
}

static void on_alarm(int number)
{
    int kept = errno;

    (void)number;
    for (size_t i = 0; i < sizeof to_be_cut / sizeof to_be_cut[0]; i++) {
        int socket = to_be_cut[i];

        if (socket >= 0)
            (void)shutdown(socket, SHUT_RDWR);
    }
    errno = kept;
}

/* A blocked signal stays blocked across exec(), so that the parent may have left it so. */
static bool unblock_signals(void)
{
    sigset_t all;

    (void)sigemptyset(&all);
    (void)sigaddset(&all, SIGALRM);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(&all, numbers[i]);
    return sigprocmask(SIG_UNBLOCK, &all, NULL) == 0;
}

void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction cut = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct sigaction before;
    bool done = pipe_make_bell(pipe_ends);

    gets_signals = true;
    /* Ignored by nohup, and for background jobs of a shell without job control: left so. */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        done = done && sigaction(numbers[i], NULL, &before) == 0 &&
               (before.sa_handler == SIG_IGN || sigaction(numbers[i], &action, NULL) == 0);
    /* write() then fails, and that is reported, where the signal would kill without a message. */
    if (!done || sigaction(SIGPIPE, &ignore, &before) < 0 ||
        sigaction(SIGXFSZ, &ignore, NULL) < 0 || sigaction(SIGALRM, &cut, NULL) < 0 ||
        !unblock_signals())
        die(EXIT_BUG, "cannot set up signal handling");
    pipe_kills = before.sa_handler == SIG_DFL;
}

const char *stop_farewell(const char *text, int descriptor)
{
    const char *before = farewell;

    farewell = NULL;
    farewell_descriptor = descriptor;
    farewell = text;
    return before;
}

bool stop_requested(void)
{
    return received != 0;
}

int stop_descriptor(void)
{
    return pipe_ends[0];
}

void stop_or_readable(int descriptor)
{
    while (!stop_requested() && !wait_is_ready(descriptor, POLLIN))
        wait_for(descriptor, POLLIN, -1, true);
}

void stop_cuts(int socket)
{
    to_be_cut[gets_signals ? 0 : 1] = socket;
    /* The handler does the same for a stop that is requested from now on. */
    if (stop_requested() && (socket >= 0 || !some_to_be_cut()))
        (void)alarm(socket < 0 ? 0 : STOP_CUT_SECONDS);
}

static void end_by(int number)
{
    report_flush();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void stop_by_signal(void)
{
    if (received != 0)
        end_by(received);
}

bool stop_pipe_kills(void)
{
    return pipe_kills;
}

void stop_by_pipe(void)
{
    end_by(SIGPIPE);
}
