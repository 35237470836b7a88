/*
 * filter: another program that is asked a line at a time, and answers each with a line: a
 * co-process.
 */
#ifndef PROCESS_COPROCESS_H
#define PROCESS_COPROCESS_H

#include "base/report.h"

#include <stddef.h>

struct coprocess;

/* Starts argv[0], as spawn_start() does. */
enum exit_code coprocess_start(char *const argv[], struct coprocess **filter);

/*
 * Writes text, which has no line break in it, as a line, and waits for one in answer; *answer is
 * NULL if a stop was asked for meanwhile, and otherwise valid until the next call. If no answer
 * comes for 10 s, that is said once: most programs buffer what they write to a pipe. EXIT_INPUT,
 * reported, if the program has ended, its answer is longer than 512 MiB, or it has said more than
 * was asked before.
 */
enum exit_code coprocess_ask(struct coprocess *filter, const char *text, size_t len,
                             const char **answer, size_t *answer_len);

/*
 * Before anything is done that cannot be undone: has the program said more than was asked, and are
 * its answers not to be relied on? Then EXIT_INPUT, reported. It is given a moment to say it; the
 * last answer is no longer valid.
 */
enum exit_code coprocess_check(struct coprocess *filter);

/* Closes its input, gives it 5 s to end, and then kills it. NULL is harmless. */
void coprocess_free(struct coprocess *filter);

#endif
