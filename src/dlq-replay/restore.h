/*
 * restore: publishes letters from a file, each into its queue.
 */
#ifndef DLQ_REPLAY_RESTORE_H
#define DLQ_REPLAY_RESTORE_H

#include "batch.h"

#include "amqp/publisher.h"
#include "base/report.h"

/*
 * Reads envelopes from the file at path, "-" for standard input, until its end or a stop, publishes
 * them by way of batch, and prints the fate of each. publisher, which is that of batch, is kept
 * alive while nothing comes. A batch is what has arrived, so that none waits for more. When a stop
 * is asked for, or the broker is away, every envelope that was read still gets a fate.
 *
 * Returns EXIT_OK; EXIT_INPUT, reported, if the file cannot be opened or read; or what send_part()
 * or batch_conclude() returns. Values that are not envelopes are reported and refused, and count in
 * batch_verdict().
 */
enum exit_code restore_run(const char *path, struct batch *batch, struct publisher *publisher);

#endif
