/*
 * command: another program, run with a text on its standard input. No shell is involved.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "report.h"

#include <stdbool.h>
#include <stddef.h>

struct command;

/*
 * Starts argv[0], found as execvp() does, with text and a newline as its standard input, whether it reads them or not. What
 * it prints on standard output goes to standard error, since ours carries data of ours; with_log being false, both are
 * thrown away. EXIT_OK, or the code for why it could not be started, reported.
 */
enum exit_code command_start(char *const argv[], const char *text, size_t len, bool with_log,
                             struct command **command);

/* For link_wait(): readable when a command has ended, until command_ended() is called. */
int command_descriptor(void);

/*
 * Has it ended, itself, whatever it has left running? Then command is freed and *exit_status is what it exited with, or 128
 * and the number of the signal that killed it, as a shell would say. Never waits.
 */
bool command_ended(struct command *command, int *exit_status);

#endif
