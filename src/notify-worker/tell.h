/*
 * tell: writes the lines on standard output, one for each customer who is told (N2 of notifier.h).
 */
#ifndef NOTIFY_WORKER_TELL_H
#define NOTIFY_WORKER_TELL_H

#include "hand.h"

#include "base/report.h"

#include <stddef.h>

/* A buffer of lines. Zeroed, it is ready for use. */
struct teller {
    char *lines;
    size_t capacity;
    size_t len;
};

/* Frees the buffer. */
void teller_close(struct teller *teller);

/*
 * Writes the lines of those in the turn that are VERDICT_TELL. Only those whose lines were surely
 * written whole become OUTCOME_DONE. Returns EXIT_OK or EXIT_OUTPUT, reported.
 */
enum exit_code teller_tell(struct teller *teller, const struct notification_list *turn);

/* Writes the line of one notification, whatever its verdict and outcome. Returns EXIT_OK or
 * EXIT_OUTPUT, reported. */
enum exit_code teller_write(struct teller *teller, struct notification *notification);

#endif
