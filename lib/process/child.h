/*
 * command: another program, run with a text on its standard input. No shell is involved.
 */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Starts argv[0], found as execvp() does, with text and a newline as its standard input, whether it
 * reads them or not. What it prints on standard output goes to standard error, since ours carries
 * data of ours; with_log being false, both are thrown away. EXIT_OK, or the code for why it could
 * not be started, reported. Its end is noticed with spawn_ended() (spawn.h).
 */
enum exit_code child_start(char *const argv[], const char *text, size_t len, bool with_log,
                           pid_t *child);

#endif
