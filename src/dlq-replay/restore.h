/*
 * restoration: letters from a file, published each into its queue.
 */
#ifndef DLQ_REPLAY_RESTORE_H
#define DLQ_REPLAY_RESTORE_H

#include "batch.h"

#include "amqp/publisher.h"
#include "base/report.h"

/*
 * Reads envelopes from the file at path, "-" for standard input, until its end or a stop, and
 * restores them by way of batch, whose publisher is kept alive meanwhile. Batches are of what has
 * arrived. What was read by the time of a stop, or when the broker turns out to be away, has a
 * fate, too. EXIT_INPUT, reported, if the file cannot be opened or read; what is no letter in it is
 * a matter of batch_verdict().
 */
enum exit_code restore_run(const char *path, struct batch *batch, struct publisher *publisher);

#endif
