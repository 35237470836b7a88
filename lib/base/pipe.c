#include "base/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool set_up(int end, int status_flags)
{
    return fcntl(end, F_SETFD, FD_CLOEXEC) == 0 &&
           (status_flags == 0 || fcntl(end, F_SETFL, status_flags) == 0);
}

static bool make(int ends[2], int status_flags)
{
    int kept;

    if (pipe(ends) != 0)
        return false;
    if (set_up(ends[0], status_flags) && set_up(ends[1], status_flags))
        return true;
    kept = errno;
    (void)close(ends[0]);
    (void)close(ends[1]);
    ends[0] = -1;
    ends[1] = -1;
    errno = kept;
    return false;
}

bool pipe_make(int ends[2])
{
    return make(ends, 0);
}

bool pipe_make_bell(int ends[2])
{
    return make(ends, O_NONBLOCK);
}

void pipe_ring(const int ends[2])
{
    int kept = errno;

    /* If the pipe is full it is readable already. */
    if (write(ends[1], "", 1) < 0)
        errno = kept;
}

void pipe_still(const int ends[2])
{
    char bytes[64];

    while (read(ends[0], bytes, sizeof bytes) > 0)
        continue;
}
