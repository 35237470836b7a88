#define _GNU_SOURCE /* pipe2() */

#include "base/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool pipe_make(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) == 0;
}

bool pipe_make_bell(int ends[2])
{
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;
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
