/*
 * clock: the time of day for records and events, and a clock that never jumps for waits.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_utc_ms(void);

/* Milliseconds of a clock that only goes forward. */
int64_t clock_monotonic_ms(void);

/* "2026-01-31T23:59:59.000Z" and the terminating NUL. */
#define CLOCK_TEXT_SIZE 32

/*
 * RFC 3339 in UTC with milliseconds. For times in the years 1970 to 9999; others come out as the
 * nearest of them.
 */
void clock_rfc3339(int64_t utc_ms, char text[CLOCK_TEXT_SIZE]);

/* The other way, for a time in UTC ("Z") without or with a fraction of a second, which is dropped.
 */
bool clock_read_rfc3339(const char *text, int64_t *utc_ms);

#endif
