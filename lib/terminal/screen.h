/*
 * screen: full-screen drawing on the terminal that standard output is.
 *
 * Drawing goes to the terminal's alternate screen. The normal screen comes back when the program
 * exits, at the first signal of stop.h, and while the program is suspended; not after SIGKILL or
 * SIGQUIT. Terminal settings are not changed.
 */
#ifndef TERMINAL_SCREEN_H
#define TERMINAL_SCREEN_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Returns true if standard output is a terminal that can be drawn on: TERM is set, not "dumb". */
bool screen_is_possible(void);

/* Returns true if the locale's character set is UTF-8. */
bool screen_is_utf8(void);

/*
 * Switches to the alternate screen until screen_close() or the end of the program. Call
 * stop_on_signals() first. Returns what output_some() (output.h) returns.
 */
enum exit_code screen_open(void);

/* Switches back; does nothing if the screen is not open. Returns what output_flush() returns. */
enum exit_code screen_close(void);

struct screen_size {
    size_t columns;
    size_t rows;
};

/* Returns the size of the terminal now, or 80 by 24 if it does not tell. */
struct screen_size screen_size(void);

/*
 * Returns true if the terminal was resized, or the program resumed, since the last call: draw
 * again. The signals for that end a wait_for() (wait.h).
 */
bool screen_changed(void);

/*
 * Draws text, lines of printable() text (text.h) that end in newlines, from the top. Cuts off what
 * does not fit, and clears the rest. Returns what output_some() returns.
 */
enum exit_code screen_draw(const char *text);

#endif
