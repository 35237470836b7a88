/*
 * output: standard output, which carries data alone and is checked to the last byte.
 *
 * A reader that is slow, or stands still, is waited for as outlet.h says. Once a stop is asked for,
 * one that takes nothing for OUTLET_PATIENCE_MS is given up: EXIT_OUTPUT. What was not written by
 * then counts as not written.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include "base/report.h"

#include <stddef.h>

/* Adds text to what is to be written. EXIT_OUTPUT, reported once, if writing failed. */
enum exit_code output_text(const char *text, size_t len);

/* The same with a newline after it; written at once if standard output is a terminal. */
enum exit_code output_line(const char *text, size_t len);

/*
 * Hands what was added so far, and then text, to the system. *taken is how many bytes of text it
 * has surely taken: all of them with EXIT_OK, fewer with EXIT_OUTPUT, which is reported once.
 */
enum exit_code output_write(const char *text, size_t len, size_t *taken);

/* Hands all that was added to the system. EXIT_OUTPUT, reported once, if it was not taken. */
enum exit_code output_flush(void);

/* The same, and if it is a file, until it is on the disk. */
enum exit_code output_sync(void);

/*
 * For what is drawn on a terminal: writes the start of *text in one call, of which as much as the
 * terminal takes without being waited for, and moves *text and *len on. EXIT_OUTPUT as above. Not
 * to be mixed with the calls above.
 */
enum exit_code output_some(const char **text, size_t *len);

/* Waits until the reader takes something, or a stop is asked for. */
void output_await_reader(void);

/* Standard output for a signal handler: one that does not hold it up, where that can be had. */
int output_descriptor(void);

/* The last word of every program: flushes, closes, and gives code, or EXIT_OUTPUT if that failed.
 */
enum exit_code output_close(enum exit_code code);

#endif
