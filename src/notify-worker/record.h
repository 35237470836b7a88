/*
 * record: what the store of notified customers gets to know: which orders a turn claims, before any
 * customer is told (N1 of notifier.h), and what became of them (N3).
 */
#ifndef NOTIFY_WORKER_RECORD_H
#define NOTIFY_WORKER_RECORD_H

#include "hand.h"

#include "base/report.h"
#include "store/notified.h"

#include <stddef.h>

struct recorder {
    struct notified *notified;
    struct notified_release *released; /* of the turn */
    struct notified_claim *claims;     /* of the next one */
};

/* Opens the store, for turns of at most together. Returns EXIT_OK or EXIT_STORE, reported; call
 * recorder_close() after either. */
enum exit_code recorder_open(struct recorder *recorder, int max_attempts, size_t together);

/* Closes the store, if it is open. */
void recorder_close(struct recorder *recorder);

/*
 * In one commit, records what became of the turn and claims the orders of the next one, whose
 * verdicts and attempts it sets. Returns EXIT_OK; or EXIT_STORE, reported, with nothing recorded
 * and nothing claimed.
 */
enum exit_code recorder_advance(struct recorder *recorder, struct hand *hand);

#endif
