#include "base/moment.h"

#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AGE_MAX 1000000000 /* in any unit */

static int64_t unit_ms(const char *unit)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ms;
    return 0;
}

bool moment_read_age(const char *text, int64_t *age_ms)
{
    char *unit;
    long age;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    age = strtol(text, &unit, 10);
    if (errno != 0 || age > AGE_MAX || unit_ms(unit) == 0)
        return false;
    *age_ms = age * unit_ms(unit);
    return true;
}

bool moment_read(const char *text, int64_t now_ms, int64_t *moment_ms)
{
    int64_t age_ms;

    if (moment_read_age(text, &age_ms))
        *moment_ms = now_ms - age_ms;
    else if (!clock_read_rfc3339(text, moment_ms))
        return false;
    if (*moment_ms <= 0)
        *moment_ms = 1;
    return true;
}
