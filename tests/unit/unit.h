/*
 * unit: what the unit tests are written with.
 *
 * A test program runs groups of checks from its main() and prints a line of TAP for each group. A
 * check that fails prints its place, what was expected and what came, and lets the group go on.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of elements of an array. */
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Runs a group of checks, a function without arguments. Prints "ok", or "not ok" if one failed. */
#define RUN(group) unit_run(#group, group)
void unit_run(const char *name, void (*group)(void));

/* Prints the plan. Returns what main() is to return: 0, or 1 if a check failed. */
int unit_end(void);

/* Names the row of a table that is checked from here on; failures show it. NULL for none. */
void unit_row(const char *row);

/* Each returns whether the check holds, so that a group can leave out what depends on it. */
#define CHECK(condition) unit_check(condition, #condition, __FILE__, __LINE__)
/* Integers of any type. */
#define EQUAL(got, expected) \
    unit_equal((intmax_t)(got), (intmax_t)(expected), #got, __FILE__, __LINE__)
/* Texts, of which either may be NULL. */
#define SAME(got, expected) unit_same(got, expected, #got, __FILE__, __LINE__)
#define SAME_BYTES(got, got_len, expected, expected_len) \
    unit_same_bytes(got, got_len, expected, expected_len, #got, __FILE__, __LINE__)

bool unit_check(bool holds, const char *what, const char *file, int line);
bool unit_equal(intmax_t got, intmax_t expected, const char *what, const char *file, int line);
bool unit_same(const char *got, const char *expected, const char *what, const char *file, int line);
bool unit_same_bytes(const void *got, size_t got_len, const void *expected, size_t expected_len,
                     const char *what, const char *file, int line);

/* Keeps what is written to descriptor, 1 or 2, from here on. The lines of TAP still go where
 * standard output went. */
void unit_capture(int descriptor);

/* Returns what was written to a captured descriptor since the last call; valid until the next. */
const char *unit_captured(int descriptor);

/* Calls function in a child process. Returns its exit code; -1 if a signal ended it. */
int unit_exit_code(void (*function)(void));

/* Returns a descriptor from which text can be read, up to its end. */
int unit_input(const char *text, size_t len);

#endif
