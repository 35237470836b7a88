/*
 * errands: a command that tells a customer, run for the events in hand one after the other.
 *
 * It gets the event on its standard input. If it exits with 75 (EX_TEMPFAIL) the event is tried again later, however
 * often; if it fails otherwise, three times in all, and then the event is moved to the dead letter queue. Meanwhile
 * other events are handled.
 */
#ifndef ERRANDS_H
#define ERRANDS_H

#include "consumer.h"
#include "report.h"
#include "telling.h"

#include <stddef.h>
#include <stdint.h>

/* All the caller's. */
struct errands {
    char *const *command; /* and its arguments; NULL at the end */
    int64_t retry_ms;     /* from a failure to the next try */
    struct telling *telling;
    struct consumer *consumer; /* where the events are from; kept alive while the command runs */
};

/*
 * Takes deliveries in hand, in place of those that the consumer gives anew, and settles at once what needs no command.
 * Codes as of telling.h.
 */
enum exit_code errands_take(const struct errands *errands, struct delivery *const batch[], size_t count);

/* Milliseconds until one is due; 0 if one is, -1 if none is in hand. */
int errands_wait_ms(const struct errands *errands);

/*
 * Runs the command for the one that has waited longest, if it is due, and settles that. Codes as of telling.h and
 * command.h.
 */
enum exit_code errands_run(const struct errands *errands);

#endif
