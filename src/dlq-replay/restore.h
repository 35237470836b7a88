/*
 * restore: publishes letters from a file, each into its queue, as they are or mended by a filter.
 */
#ifndef DLQ_REPLAY_RESTORE_H
#define DLQ_REPLAY_RESTORE_H

#include "batch.h"
#include "selection.h"

#include "amqp/publisher.h"
#include "base/report.h"

#include <stddef.h>

/* All of this stays the caller's. */
struct restore_settings {
    const char *path;                  /* of the file; "-": standard input */
    const struct selection *selection; /* which letters are wanted, */
    size_t limit;                      /* and how many of them at most; SIZE_MAX: all */
    struct publisher *publisher;       /* that of the batch; kept alive while nothing comes */
};

/*
 * Reads envelopes from the file until its end or a stop, or until as many as are wanted have come;
 * asks the filter of the rules about each, if there is one; publishes them by way of batch, and
 * prints the fate of each that is wanted. A batch is what has arrived, so that none waits for more.
 * When a stop is asked for, or the broker is away, every envelope that was read still gets a fate.
 *
 * Returns EXIT_OK; EXIT_INPUT, reported, if the file cannot be opened or read, or the filter has
 * failed: then what was asked about since the last that was published is left, and the rest is not
 * read; or what send_part() or batch_conclude() returns. Values that are not envelopes are reported
 * and refused, and count in batch_verdict().
 */
enum exit_code restore_run(const struct restore_settings *settings, struct batch *batch);

#endif
