/*
 * process: starting another program. No shell is involved.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include "report.h"

#include <sys/types.h>

/*
 * Starts argv[0], found as execvp() does, with these as its standard input and output, and with our standard error. It
 * inherits all other descriptors that are not marked close-on-exec. EXIT_USAGE, reported, if there is no such program
 * to be run, EXIT_BUG if the system has no room for another process.
 */
enum exit_code process_start(char *const argv[], int input, int output, pid_t *child);

#endif
