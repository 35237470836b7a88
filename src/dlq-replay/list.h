/*
 * list: letters shown as envelopes, to be looked at or taken out.
 */
#ifndef DLQ_REPLAY_LIST_H
#define DLQ_REPLAY_LIST_H

#include "batch.h"

#include "base/report.h"

/* Prints the letters of batch as envelopes, each with its error and, if the ledger tells, how its
 * order has ended. They stay in the queue. Returns EXIT_OK, EXIT_OUTPUT or EXIT_STORE. */
enum exit_code list_letters(struct batch *batch);

/* Prints the letters as list_letters() does, and removes them from the queue. Returns as that does,
 * or as batch_conclude(). */
enum exit_code take_letters(struct batch *batch);

#endif
