/*
 * pipeline: orders on their way: delivered, decided, published, acknowledged.
 *
 * What is on disk and on the broker when this program is killed, per delivery:
 *
 *   I0  delivered, nothing recorded         redelivered, handled afresh
 *   I1  one transaction: order_id, outcome, no second reservation; the recorded event is published
 * by the next worker, event to publish                    or by another that runs, whether or not
 * the order comes again I2  event confirmed by the broker       the same event goes out again, same
 * message_id I3  acknowledged                        a later copy is "duplicate ignored"
 *
 * A batch is all that has arrived, up to the prefetch: one transaction, a burst of publishes. While
 * the broker confirms those, the next batch is taken and recorded. Orders are acknowledged in the
 * order in which they came, as far as they are confirmed. That an event was confirmed is recorded
 * with the next batch, or when the queue falls silent; after a kill or a loss of power before that
 * the same event goes out again.
 *
 * An event is owed by the worker that recorded it. Once that one has ended, another claims it
 * (ledger.h, outbox.h); as long as it lives, a copy of the order is a duplicate for all others. An
 * event that the broker does not take stays owed, and its order is acknowledged all the same: it is
 * on disk, and does not hold up others.
 */
#ifndef INVENTORY_WORKER_PIPELINE_H
#define INVENTORY_WORKER_PIPELINE_H

#include "amqp/broker_options.h"
#include "base/report.h"

#include <stdbool.h>

struct pipeline_settings {
    const struct broker_options *options;
    int max_qty;       /* an item of more fails its order */
    unsigned prefetch; /* deliveries in hand at once */
    int retain_days;   /* after which a handled order is forgotten; negative: never */
    int count;         /* deliveries to take; negative: without end */
    int idle_ms;       /* without a delivery, until the end; negative: for ever */
    bool flush_only;   /* publish what ended workers left, and take no orders */
};

/*
 * Opens the ledger and starts a run; connects on first use. Returns EXIT_OK or EXIT_STORE,
 * reported. What settings name must outlive the pipeline.
 */
enum exit_code pipeline_open(const struct pipeline_settings *settings);

/* Works until no more orders are to be taken, and nothing is in hand. A failure was reported. */
enum exit_code pipeline_run(void);

/* Frees all. Harmless if it was never opened. */
void pipeline_close(void);

#endif
