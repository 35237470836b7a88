#include "clock.h"

#include "report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_MS INT64_C(253402300799999)
#define MS_AT 20 /* where the milliseconds stand in a text */

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

/* The text of a whole second, as of millisecond 0. Kept, since thousands of events are of the same second. */
static const char *second_text(time_t second)
{
    static char text[CLOCK_TEXT_SIZE];
    static time_t written = -1;
    struct tm parts;

    if (second == written)
        return text;
    if (gmtime_r(&second, &parts) == NULL)
        die(EXIT_BUG, "cannot convert a time");
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    written = second;
    return text;
}

void clock_rfc3339(int64_t utc_ms, char text[CLOCK_TEXT_SIZE])
{
    int64_t ms = utc_ms < 0 ? 0 : utc_ms > LAST_MS ? LAST_MS : utc_ms;

    memcpy(text, second_text((time_t)(ms / 1000)), CLOCK_TEXT_SIZE);
    for (int i = MS_AT + 2; i >= MS_AT; i--, ms /= 10)
        text[i] = (char)('0' + ms % 10);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3; /* March is 0, so that a leap day ends the year */

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

bool clock_read_rfc3339(const char *text, int64_t *utc_ms)
{
    int year, month, day, hour, minute, second;
    char written[CLOCK_TEXT_SIZE];
    const char *rest = text + 19;

    if (strlen(text) < 20 ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second) != 6)
        return false;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (strcmp(rest, "Z") != 0 || year < 1970)
        return false;
    *utc_ms = (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    /* A date that is none, or digits that are none, do not come out as they went in. */
    clock_rfc3339(*utc_ms, written);
    return strncmp(written, text, 19) == 0;
}
