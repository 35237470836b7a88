/*
 * child: starts a program with a text on its standard input, without a shell.
 */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Starts argv[0], as spawn_start() (spawn.h) does, with text[0..len) and a newline on its standard
 * input; it need not read them. With with_log its standard output and standard error both go to the
 * caller's standard error, otherwise to /dev/null. Returns EXIT_OK, with the process id for
 * spawn_ended() in *child, or reports why not and returns the code for it.
 */
enum exit_code child_start(char *const argv[], const char *text, size_t len, bool with_log,
                           pid_t *child);

#endif
