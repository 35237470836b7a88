/* spawn: starts other programs, without a shell, and notices when they end. */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Starts argv[0], found as execvp() finds it, with the descriptors input, output and error as its
 * standard input, output and error. It also inherits all descriptors that are not close-on-exec. On
 * success *child is its process id, for spawn_ended(). Otherwise reports why and returns EXIT_USAGE
 * if the program cannot be run, or EXIT_BUG if the system lacks memory, processes or descriptors.
 */
enum exit_code spawn_start(char *const argv[], int input, int output, int error, pid_t *child);

/*
 * As spawn_start(), with text[0..len) and a newline on its standard input; it need not read them.
 * With with_log its standard output and standard error both go to the caller's standard error,
 * otherwise to /dev/null.
 */
enum exit_code child_start(char *const argv[], const char *text, size_t len, bool with_log,
                           pid_t *child);

/*
 * Returns a descriptor for poll(). It becomes readable when any child ends, by SIGCHLD, and stays
 * readable until spawn_ended() is called. Returns -1 before the first start.
 */
int spawn_descriptor(void);

/*
 * Returns true once child has ended, whatever processes it has left behind; *exit_status is then
 * its exit status, or 128 plus the number of the signal that killed it, as a shell has it. Do not
 * call it again for that child. Never blocks.
 */
bool spawn_ended(pid_t child, int *exit_status);

#endif
