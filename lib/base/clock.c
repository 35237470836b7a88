#include "base/clock.h"

#include "base/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAYS_TO_1970 719468 /* from 0000-03-01 */
#define DIGITS "0123456789"
#define LAST_MS INT64_C(253402300799999)
#define MS_AT 20 /* the offset of the milliseconds in a text */

static int64_t read_us(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now) != 0)
        die(EXIT_BUG, "cannot read the clock");
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_utc_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

struct date {
    unsigned year;
    unsigned month;
    unsigned day;
};

/*
 * The calendar is computed here, not by gmtime() and timegm(): a message may name any time, and on
 * machines with a time_t of 32 bits those end in 2038. Both directions count days from 0000-03-01,
 * so that the leap day ends a year, and the leap century its 400 years.
 */

/* Returns the date of the Gregorian calendar that is so many days after 1970-01-01. */
static struct date date_of(int64_t days)
{
    int64_t d = days + DAYS_TO_1970;
    int64_t era = d / 146097;
    int64_t of_era = d % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* March is 0 */

    return (struct date){.year = (unsigned)(era * 400 + year + (month < 10 ? 0 : 1)),
                         .month = (unsigned)(month < 10 ? month + 3 : month - 9),
                         .day = (unsigned)(of_year - (153 * month + 2) / 5 + 1)};
}

/* Returns the text of millisecond 0 of second. Kept, since thousands of events share a second. */
static const char *second_text(int64_t second)
{
    static char text[CLOCK_TEXT_SIZE];
    static int64_t written = -1;
    unsigned of_day = (unsigned)(second % 86400);
    struct date date;

    if (second == written)
        return text;
    date = date_of(second / 86400);
    (void)snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.000Z", date.year % 10000,
                   date.month % 100, date.day % 100, of_day / 3600 % 100, of_day / 60 % 60,
                   of_day % 60);
    written = second;
    return text;
}

void clock_rfc3339(int64_t utc_ms, char text[CLOCK_TEXT_SIZE])
{
    int64_t ms = utc_ms < 0 ? 0 : utc_ms > LAST_MS ? LAST_MS : utc_ms;

    memcpy(text, second_text(ms / 1000), CLOCK_TEXT_SIZE);
    for (int i = MS_AT + 2; i >= MS_AT; i--, ms /= 10)
        text[i] = (char)('0' + ms % 10);
}

/* The inverse of date_of(). */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3; /* March is 0 */

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - DAYS_TO_1970;
}

/* Reads the digits of a fraction of a second, and cuts what is less than a millisecond. */
static int milliseconds_of(const char *digits, size_t count)
{
    int ms = 0;

    for (size_t i = 0; i < 3; i++)
        ms = ms * 10 + (i < count ? digits[i] - '0' : 0);
    return ms;
}

/* Reads "Z", or "+02:00" and the like, into *offset_ms. */
static bool read_offset(const char *text, int64_t *offset_ms)
{
    int hours, minutes;

    *offset_ms = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if (strlen(text) != 6 || (*text != '+' && *text != '-') || strspn(text + 1, DIGITS) != 2 ||
        text[3] != ':' || strspn(text + 4, DIGITS) != 2 ||
        sscanf(text + 1, "%d:%d", &hours, &minutes) != 2 || hours > 23 || minutes > 59)
        return false;
    *offset_ms = (hours * 60 + minutes) * (*text == '-' ? -60000 : 60000);
    return true;
}

bool clock_read_rfc3339(const char *text, int64_t *utc_ms)
{
    int year, month, day, hour, minute, second;
    char written[CLOCK_TEXT_SIZE];
    const char *rest = text + 19;
    int64_t offset_ms;
    size_t digits;
    int ms = 0;

    if (strlen(text) < 20 ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second) != 6)
        return false;
    if (*rest == '.' && rest[1] >= '0' && rest[1] <= '9') {
        digits = strspn(++rest, DIGITS);
        ms = milliseconds_of(rest, digits);
        rest += digits;
    }
    if (!read_offset(rest, &offset_ms) || year < 1970)
        return false;
    *utc_ms =
        (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    /* An impossible date, such as 30 February, does not come out as it went in; nor do signs. */
    clock_rfc3339(*utc_ms, written);
    *utc_ms += ms - offset_ms;
    return strncmp(written, text, 19) == 0 && *utc_ms >= 0 && *utc_ms <= LAST_MS;
}
