/* command: looks for a program before it is needed. */
#ifndef PROCESS_COMMAND_H
#define PROCESS_COMMAND_H

#include "base/report.h"

/*
 * Looks for the program that spawn_start() (spawn.h) would run for name, and does not run it.
 * Returns EXIT_OK if there is one; otherwise reports why there is none, and returns EXIT_USAGE. A
 * file that is no program of this machine passes, and is noticed only when it is run.
 */
enum exit_code command_check(const char *name);

#endif
