#include "base/wait.h"

#include "base/stop.h"
#include "base/supervisor.h"

#include <poll.h>
#include <stddef.h>

/* Connections belong to one thread: another one that waits keeps none of them. */
static _Thread_local wait_keeper *keeper_of_all;
static _Thread_local wait_keeper *chore_of_all;

void wait_keep(wait_keeper *keeper)
{
    keeper_of_all = keeper;
}

void wait_also(wait_keeper *chore)
{
    chore_of_all = chore;
}

int wait_chore(void)
{
    return chore_of_all == NULL ? -1 : chore_of_all();
}

static int sooner(int timeout_ms, int due_ms)
{
    return due_ms >= 0 && (timeout_ms < 0 || due_ms < timeout_ms) ? due_ms : timeout_ms;
}

void wait_for(int descriptor, short events, int timeout_ms, bool heeds_stop)
{
    struct pollfd fds[2] = {{.fd = descriptor, .events = events},
                            {.fd = heeds_stop ? stop_descriptor() : -1, .events = POLLIN}};

    timeout_ms = sooner(timeout_ms, keeper_of_all == NULL ? -1 : keeper_of_all());
    timeout_ms = sooner(timeout_ms, wait_chore());
    timeout_ms = supervisor_sooner(timeout_ms);
    /* If it fails, by a signal or for lack of memory, the wait is over sooner: as promised. */
    (void)poll(fds, 2, timeout_ms);
    supervisor_heed_stop();
}

bool wait_is_ready(int descriptor, short events)
{
    struct pollfd ready = {.fd = descriptor, .events = events};

    return poll(&ready, 1, 0) > 0;
}
