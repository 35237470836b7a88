/*
 * limit: how much of something is too much.
 */
#ifndef QUEUE_INSPECT_LIMIT_H
#define QUEUE_INSPECT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LIMIT_MAX 1000000000
#define LIMIT_NONE (-1)

/* More than warning is bad, and more than critical is worse; each may be LIMIT_NONE. */
struct limit {
    int warning;
    int critical;
};

#define LIMIT_UNSET            \
    {                          \
        LIMIT_NONE, LIMIT_NONE \
    }

/*
 * Read a limit from text, "N" or "N,M": a warning and what is critical, which must not be less.
 * Both are numbers up to LIMIT_MAX; or ages, as moment_read_age() reads them, in seconds. Return
 * false if text is neither.
 */
bool limit_read_numbers(struct limit *limit, const char *text);
bool limit_read_ages(struct limit *limit, const char *text);

/* Returns whether there is a limit at all. */
bool limit_is_set(struct limit limit);

/* Writes the limit to out as performance data of Nagios has it: ";N;M;0". */
void limit_put(struct limit limit, FILE *out);

#endif
