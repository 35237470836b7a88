#include "clock.h"

#include "report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_MS INT64_C(253402300799999)

static int64_t read_ms(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now) != 0)
        die(EXIT_BUG, "cannot read the clock");
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_utc_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t clock_steady_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

void clock_rfc3339(int64_t utc_ms, char text[CLOCK_TEXT_SIZE])
{
    int64_t ms = utc_ms < 0 ? 0 : utc_ms > LAST_MS ? LAST_MS : utc_ms;
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    size_t used;

    if (gmtime_r(&seconds, &parts) == NULL)
        die(EXIT_BUG, "cannot convert a time");
    used = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + used, CLOCK_TEXT_SIZE - used, ".%03dZ", (int)(ms % 1000));
}
