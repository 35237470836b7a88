#include "hangup.h"

#include "base/pipe.h"
#include "base/report.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static int bell[2] = {-1, -1};
static atomic_bool came;

static void on_hangup(int number)
{
    (void)number;
    came = true;
    pipe_ring(bell);
}

void hangup_take(void)
{
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};

    if (!pipe_make_bell(bell) || sigaction(SIGHUP, &action, NULL) != 0)
        die(EXIT_BUG, "cannot take over SIGHUP: %s", strerror(errno));
}

int hangup_descriptor(void)
{
    return bell[0];
}

bool hangup_came(void)
{
    if (!came)
        return false;
    pipe_still(bell);
    came = false;
    return true;
}
