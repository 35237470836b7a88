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
 * Starts argv[0], found as execvp() does, with text as its standard input. What it prints on standard output
 * goes to standard error, since ours carries data of ours. EXIT_OK, or the code for why it could not be
 * started, reported.
 */
enum exit_code command_start(char *const argv[], const char *text, size_t len, struct command **command);

/* For link_wait(): readable when the command has probably ended. */
int command_descriptor(const struct command *command);

/*
 * Has it ended? Then command is freed and *exit_status is what it exited with, or 128 and the number of the
 * signal that killed it, as a shell would say. Never waits.
 */
bool command_ended(struct command *command, int *exit_status);

#endif
