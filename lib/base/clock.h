/*
 * clock: the time of day, for records and events; a monotonic clock, for timeouts.
 *
 * All end the program with EXIT_BUG if the clock cannot be read.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Returns the time of day, in milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_utc_ms(void);

/* Returns milliseconds since an unspecified start; setting the time of day does not affect it. */
int64_t clock_monotonic_ms(void);

/* As clock_monotonic_ms(), in microseconds: for what takes less than a millisecond. */
int64_t clock_monotonic_us(void);

/* Size of a buffer for "2026-01-31T23:59:59.000Z" and its NUL, with room to spare. */
#define CLOCK_TEXT_SIZE 32

/*
 * Writes utc_ms, as of clock_utc_ms(), as RFC 3339 in UTC with milliseconds. A time before 1970 or
 * after 9999 is written as the first or last millisecond of that range.
 */
void clock_rfc3339(int64_t utc_ms, char text[CLOCK_TEXT_SIZE]);

/*
 * Reads RFC 3339 with "T" and "Z" in upper case, or an offset such as +02:00 instead of "Z", for
 * the years 1970 to 9999 of UTC. A fraction of a second is allowed, and read to the millisecond.
 * Returns false, with *utc_ms unspecified, for any other text.
 */
bool clock_read_rfc3339(const char *text, int64_t *utc_ms);

#endif
