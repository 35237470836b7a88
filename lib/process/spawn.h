/*
 * process: starting another program, and noticing its end. No shell is involved.
 */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include "base/report.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts argv[0], found as execvp() does, with these as its standard input and output, and with our
 * standard error. It inherits all other descriptors that are not marked close-on-exec. EXIT_USAGE,
 * reported, if there is no such program to be run, EXIT_BUG if the system has no room for another
 * process.
 */
enum exit_code spawn_start(char *const argv[], int input, int output, pid_t *child);

/* The same with error as its standard error. */
enum exit_code spawn_start_with(char *const argv[], int input, int output, int error, pid_t *child);

/* A descriptor that becomes readable when a child ends, until spawn_ended() is called: for poll().
 * -1 before the first start. */
int spawn_descriptor(void);

/*
 * Has the child itself ended, whatever it has left running? Then *exit_status is what it exited
 * with, or 128 and the number of the signal that killed it, as a shell would say, and the child
 * must not be asked about again. Never waits.
 */
bool spawn_ended(pid_t child, int *exit_status);

#endif
