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
 * stop_is_normal: for a program that works until it is asked to stop. Ends it by SIGPIPE if
 * output_has_no_reader().
 */
int program_end(enum exit_code code, bool stop_is_normal);

/* Has a function called when the program ends, other than by a signal: the last of four at most
 * first. */
void program_at_end(void (*function)(void));

/* Has a function called with each code with which the program is about to end, other than by a
 * signal: it ends with what the function returns. */
void program_translate(enum exit_code (*translate)(enum exit_code code));

/*
 * Ends the program at any time, after what program_at_end() was given. While threads run, whatever
 * libraries have registered with atexit() is not called: it tears down what threads may be using.
 */
_Noreturn void program_exit(enum exit_code code);

#endif
