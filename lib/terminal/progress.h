/*
 * progress: how far long work has come, on standard error, for somebody who waits: done, rate, time
 * left.
 *
 * On a terminal that is one line, below the messages of report.h, and gone at the end; work that is
 * over in half a second has none. Elsewhere, and on a terminal that cannot take back what was
 * written (TERM is "dumb" or missing), there is nothing. --quiet: nothing anywhere. --progress: a
 * line where it can be, elsewhere a message each second; and a message with the sum at the end.
 *
 * Between redraws, a few a second, nothing is asked of the system but the time. What cannot be
 * written is nobody's fault.
 */
#ifndef TERMINAL_PROGRESS_H
#define TERMINAL_PROGRESS_H

#include "base/options.h"

#include <stdbool.h>
#include <stdint.h>

enum { OPTION_SHOW_PROGRESS = OPTION_PROGRESS, OPTION_QUIET };

/* For a program's table of long options, and its usage text. */
/* clang-format off */
#define PROGRESS_LONG_OPTIONS \
    {"progress", no_argument, NULL, OPTION_SHOW_PROGRESS}, \
    {"quiet", no_argument, NULL, OPTION_QUIET}
/* clang-format on */
#define PROGRESS_USAGE                                                                 \
    "      --progress          show progress, even if standard error is no terminal\n" \
    "      --quiet             show no progress, even if it is one\n"

/* Handles one option of getopt_long(): true if it was one of PROGRESS_LONG_OPTIONS. */
bool progress_option(int option);

/*
 * To be called before progress_start() for a descriptor that is read or written while the work goes
 * on. If it is a terminal, no line is kept there: without --progress nothing is shown, with it
 * messages.
 */
void progress_spare(int descriptor);

/*
 * The work starts. what is the plural of what is counted, in ASCII, and must outlive it; total is
 * how many there are, or 0 if that is not known.
 */
void progress_start(const char *what, uint64_t total);

/* So many more are done. */
void progress_advance(uint64_t count);

/* So many are done now, of so many: for a total that changes or comes to be known, and for work
 * that loses ground. */
void progress_set(uint64_t done, uint64_t total);

/* The work is over, well or not. Harmless if it never started, or twice. */
void progress_done(void);

#endif
