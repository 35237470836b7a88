/*
 * output: standard output, buffered. It carries data only, and every error is noticed.
 *
 * Every function returns EXIT_OK, or EXIT_OUTPUT once writing has failed; the first failure is
 * reported, later calls fail silently. A slow reader is waited for, and given up after a stop, as
 * outlet.h describes.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Declares that this run only shows something: a reader that has seen enough and goes away (head,
 * less) is then no failure to be reported, and program_end() ends the program by SIGPIPE, as the
 * system ends programs that do not know the signal. Not if the parent ignores SIGPIPE. For a run
 * that changes something, or whose lines are receipts, every line that was not read is a failure.
 */
void output_only_shows(void);

/* Returns whether the reader of a run that only shows something has gone away. */
bool output_has_no_reader(void);

/* Appends text[0..len) to the buffer, which is written when it is full. */
enum exit_code output_text(const char *text, size_t len);

/* As output_text(), with a newline appended. Written at once if standard output is a terminal. */
enum exit_code output_line(const char *text, size_t len);

/*
 * Writes the buffer, then text[0..len). Sets *taken to the number of bytes of text that the system
 * has accepted for certain: len with EXIT_OK, perhaps fewer with EXIT_OUTPUT.
 */
enum exit_code output_write(const char *text, size_t len, size_t *taken);

/* Writes the buffer. */
enum exit_code output_flush(void);

/* Writes the buffer and, if standard output is a regular file, waits until it is on disk. */
enum exit_code output_sync(void);

/*
 * Writes as much of *text as the terminal takes in one call without blocking, and advances *text
 * and *len past it; that may be nothing. For drawing on a terminal: ignores the buffer, so do not
 * mix it with the functions above.
 */
enum exit_code output_some(const char **text, size_t *len);

/* Returns a descriptor of standard output for signal handlers: non-blocking if possible. */
int output_descriptor(void);

/*
 * Writes the buffer and closes standard output. Returns code, or EXIT_OUTPUT if anything could not
 * be written. Call it last.
 */
enum exit_code output_close(enum exit_code code);

#endif
