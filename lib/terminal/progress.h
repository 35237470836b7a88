/*
 * progress: a line on standard error that tells somebody who waits how far long work has come:
 * done, rate, time left.
 *
 * On a terminal it is one line below the messages of report.h, redrawn a few times a second and
 * erased at the end; work that ends within half a second shows none. Without a terminal, or on one
 * that cannot erase (TERM is "dumb" or not set), nothing is shown. --quiet shows nothing anywhere.
 * --progress shows the line where possible, and a message each second elsewhere; at the end it adds
 * a message with the total.
 *
 * A process has one progress line, for one piece of work at a time. Failures to write are ignored.
 */
#ifndef TERMINAL_PROGRESS_H
#define TERMINAL_PROGRESS_H

#include "base/options.h"

#include <stdint.h>

/* --progress and --quiet, of which the last one given counts: a group for a program's table. */
extern struct option_entry progress_option_table[];

/*
 * Declares that descriptor is read or written during the work; call it before progress_start(). If
 * it is a terminal, no line is drawn: it would mix with the data. --progress then shows messages.
 */
void progress_spare(int descriptor);

/*
 * Starts the work. what names the things that are counted, in the plural and in ASCII; it must
 * outlive the work. total is their number, or 0 if it is not known.
 */
void progress_start(const char *what, uint64_t total);

/* Adds count to the number of things done. */
void progress_advance(uint64_t count);

/*
 * Sets the number of things done and the total (0: not known). done may be less than before, and
 * total another. Does nothing before progress_start().
 */
void progress_set(uint64_t done, uint64_t total);

/* Ends the work, successful or not. Does nothing if it never started or has ended. */
void progress_done(void);

#endif
