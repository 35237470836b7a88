/*
 * screen: the terminal that standard output is, redrawn in place.
 *
 * Drawn on the terminal's second screen, so that the first one is as it was when the program
 * leaves, by whatever way but SIGKILL and SIGQUIT: at its end, at the first signal of stop.h, and
 * while it is suspended. Settings of the terminal are not touched.
 */
#ifndef TERMINAL_SCREEN_H
#define TERMINAL_SCREEN_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Is standard output a terminal that can be drawn on? */
bool screen_is_possible(void);

/* Does it show what is not ASCII? */
bool screen_is_utf8(void);

/* Takes the terminal, until screen_close() or the end of the program. After stop_on_signals(). */
enum exit_code screen_open(void);

/* Gives it back, if it was taken. */
enum exit_code screen_close(void);

struct screen_size {
    size_t columns;
    size_t rows;
};

/* As it is now; 80 by 24 if it does not say. */
struct screen_size screen_size(void);

/* Has the size changed, or was the program suspended, since the last call? Signals end a
 * connection_wait(). */
bool screen_changed(void);

/*
 * Shows the lines of text, which is printable() but for the newlines at their ends, from the top;
 * what does not fit is cut off, and the rest is empty. EXIT_OUTPUT as output.h says.
 */
enum exit_code screen_draw(const char *text);

#endif
