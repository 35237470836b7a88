/* program: how main() ends. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "base/report.h"

#include <stdbool.h>

/*
 * Closes standard output and returns the exit code of the program: code, or EXIT_OUTPUT if output
 * could not be written.
 *
 * If a stop was requested (stop.h), ends the program by that signal instead, so that its parent
 * sees that the work was cut short; not after EXIT_OUTPUT, which matters more, and not if
 * stop_is_normal: for a program that works until it is asked to stop.
 */
int program_end(enum exit_code code, bool stop_is_normal);

#endif
