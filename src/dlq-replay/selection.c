#include "selection.h"

#include "amqp/bytes.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGE_MAX 1000000000 /* in any unit */

/* Returns 0 for a time that is unknown or out of range: it is neither before nor after another. */
static int64_t time_of_death_ms(const struct dead_letter *letter)
{
    int64_t seconds = letter->history.death.time;

    return seconds > 0 && seconds <= INT64_MAX / 1000 ? seconds * 1000 : 0;
}

bool selection_is_empty(const struct selection *selection)
{
    return selection->reason == NULL && selection->error == NULL && selection->order_id == NULL &&
           selection->before_ms == 0 && selection->after_ms == 0;
}

static bool headers_match(const struct selection *selection, const struct dead_letter *letter)
{
    amqp_bytes_t reason = letter->history.death.reason;
    int64_t died_ms = time_of_death_ms(letter);

    if (selection->reason != NULL &&
        (reason.bytes == NULL || !bytes_are(reason, selection->reason)))
        return false;
    if (selection->before_ms != 0 && (died_ms == 0 || died_ms >= selection->before_ms))
        return false;
    return selection->after_ms == 0 || died_ms > selection->after_ms;
}

static bool body_matches(const struct selection *selection, struct dead_letter *letter)
{
    const struct body_check *check;

    if (selection->error == NULL && selection->order_id == NULL)
        return true;
    check = dead_letter_check(letter);
    if (selection->error != NULL &&
        (check->error == NULL || strstr(check->error, selection->error) == NULL))
        return false;
    return selection->order_id == NULL ||
           (check->order_id != NULL && strcmp(check->order_id, selection->order_id) == 0);
}

bool selection_has(const struct selection *selection, struct dead_letter *letter)
{
    return headers_match(selection, letter) && body_matches(selection, letter);
}

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

bool selection_moment(const char *text, int64_t now_ms, int64_t *moment_ms)
{
    char *unit;
    long age;

    if (clock_read_rfc3339(text, moment_ms))
        return true;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    age = strtol(text, &unit, 10);
    if (errno != 0 || age > AGE_MAX || unit_ms(unit) == 0)
        return false;
    *moment_ms = now_ms - age * unit_ms(unit);
    /* 0 would mean that no time is given. */
    if (*moment_ms <= 0)
        *moment_ms = 1;
    return true;
}
