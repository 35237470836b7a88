#include "selection.h"

#include "amqp/bytes.h"

#include <string.h>

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
