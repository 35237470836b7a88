/* coprocess: a program that reads lines and answers each with one line. */
#ifndef PROCESS_COPROCESS_H
#define PROCESS_COPROCESS_H

#include "base/report.h"

#include <stddef.h>

struct coprocess;

/*
 * Starts argv[0], which must stay valid, as spawn_start() (spawn.h) does and with its return codes.
 * End *coprocess, NULL on failure, with coprocess_free().
 */
enum exit_code coprocess_start(char *const argv[], struct coprocess **coprocess);

/*
 * Writes text[0..len), without line breaks, and a newline, and waits for one line. Sets *answer to
 * that line, *answer_len bytes without its newline, valid until the next call; or to NULL if a stop
 * was requested meanwhile. After 10 s without an answer it reports that once, and goes on waiting.
 * Reports and returns EXIT_INPUT if the program has ended, its answer is longer than 512 MiB, or it
 * has written more than its previous answer.
 */
enum exit_code coprocess_ask(struct coprocess *coprocess, const char *text, size_t len,
                             const char **answer, size_t *answer_len);

/*
 * Waits a moment for excess output. Reports and returns EXIT_INPUT if there is any, or the program
 * has ended: its answers may belong to other lines then. Call it before acting on answers in a way
 * that cannot be undone. The previous answer becomes invalid.
 */
enum exit_code coprocess_check(struct coprocess *coprocess);

/* Closes the program's input, kills it if it has not ended after 5 s, and frees. Accepts NULL. */
void coprocess_free(struct coprocess *coprocess);

#endif
