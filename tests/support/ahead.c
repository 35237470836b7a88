/*
 * ahead: a library to be preloaded, for a host whose clock is wrong: by CLOCK_AHEAD seconds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *time)
{
    int (*original)(clockid_t, struct timespec *);
    const char *seconds = getenv("CLOCK_AHEAD");
    int result;

    *(void **)&original = dlsym(RTLD_NEXT, "clock_gettime");
    result = original(id, time);
    if (result == 0 && id == CLOCK_REALTIME && seconds != NULL)
        time->tv_sec += atol(seconds);
    return result;
}
