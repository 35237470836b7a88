/*
 * selection: which dead letters to handle.
 */
#ifndef DLQ_REPLAY_SELECTION_H
#define DLQ_REPLAY_SELECTION_H

#include "dead_letter.h"

#include <stdbool.h>
#include <stdint.h>

/* A letter must match every member but those that are NULL or 0. */
struct selection {
    const char *reason;   /* it died first for this reason */
    const char *error;    /* its error contains this text */
    const char *order_id; /* it is of this order */
    int64_t before_ms;    /* it died first before this time, in milliseconds since 1970, */
    int64_t after_ms;     /* or after this one */
};

/* Returns whether every letter matches. */
bool selection_is_empty(const struct selection *selection);

/* Returns whether letter matches. Its body is parsed only if the headers do not decide. */
bool selection_has(const struct selection *selection, struct dead_letter *letter);

#endif
