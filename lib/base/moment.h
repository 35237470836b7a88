/*
 * moment: points in time as people write them.
 */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Reads an age, such as "90s", "15m", "2h", "3d" or "2w", into *age_ms. Returns false if text is
 * none. */
bool moment_read_age(const char *text, int64_t *age_ms);

/*
 * Reads text into *moment_ms, in milliseconds since 1970: an age before now_ms, or a time by
 * RFC 3339 ("2026-01-31T12:00:00Z"). Never sets 0, which may mean that no time is given. Returns
 * false if text is neither.
 */
bool moment_read(const char *text, int64_t now_ms, int64_t *moment_ms);

#endif
