/*
 * selection: which dead letters are meant.
 */
#ifndef DLQ_REPLAY_SELECTION_H
#define DLQ_REPLAY_SELECTION_H

#include "dead_letter.h"

#include <stdbool.h>
#include <stdint.h>

/* What is NULL or 0 does not count; all the rest must be true of a letter. */
struct selection {
    const char *reason; /* for which it died first */
    const char *error;  /* a part of its error */
    const char *order_id;
    int64_t before_ms; /* it died first before that time, */
    int64_t after_ms;  /* or after it */
};

/* Are all letters meant? */
bool selection_is_empty(const struct selection *selection);

bool selection_has(const struct selection *selection, const struct dead_letter *letter);

/*
 * A moment as people write it, as milliseconds since 1970: an age ("90s", "15m", "2h", "3d") before
 * now, or a time in RFC 3339 and UTC ("2026-01-31T12:00:00Z"). False if text is neither.
 */
bool selection_moment(const char *text, int64_t now_ms, int64_t *moment_ms);

#endif
