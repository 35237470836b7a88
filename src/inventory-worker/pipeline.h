/*
 * pipeline: orders, or cancellations, from their delivery to the acknowledgement: decided,
 * recorded, published.
 *
 * What is on disk and on the broker when the program is killed, per delivery:
 *
 *   state                                        after a kill
 *   I0  delivered, nothing recorded              redelivered, and handled afresh
 *   I1  one commit: order_id, outcome, stock,    no second reservation; the recorded event is
 *       and the event, which is owed             published by the next worker or by another that
 *                                                runs, whether or not the order comes again
 *   I2  event confirmed by the broker            the same event goes out again, same message_id
 *   I3  acknowledged                             a later copy is "duplicate ignored"
 *
 * The same per delivery of a cancellation. An order that is cancelled before it has come is
 * recorded as that, and fails when it comes (I0 to I3).
 *
 *   state                                        after a kill
 *   R0  delivered, nothing recorded              redelivered, and handled afresh
 *   R1  one commit: the order's end, its units   not given back a second time; the recorded event
 *       given back, and the event, which is      is published by the next worker or by another
 *       owed; or that it was cancelled before    that runs; the copy is "cancelled again"
 *       it came
 *   R2  event confirmed by the broker            the same event goes out again, same message_id
 *   R3  acknowledged                             a later copy is "cancelled again"
 *
 * A reservation that has expired goes the same way, without a delivery: a kill before the commit
 * leaves it to the next look.
 *
 * A batch is all that has arrived, up to the prefetch: one commit, a burst of publishes. While the
 * broker confirms those, the next batch is taken and recorded. Orders are acknowledged in the order
 * in which they came, as far as they are confirmed. That an event was confirmed is recorded with
 * the next batch, or when the queue falls silent; after a kill or a loss of power before that, the
 * same event goes out again.
 *
 * The worker that recorded an event owes it. Once that worker has ended, another claims the event
 * (store/ledger.h, outbox.h); as long as it lives, a copy of the order is a duplicate for all
 * others. An event that the broker refuses stays owed, and its order is acknowledged all the same:
 * it is on disk, and does not hold up others. One that the broker cannot take for now, since a
 * queue has no leader or is full, is waited for: as for a broker that is away.
 *
 * With the ledger in a database the commit can be in doubt, or the decision lost before it: then it
 * is made again (store/ledger.h). While the database is away the worker waits, with its deliveries
 * unacknowledged, and takes no others; a kill then is one at I0, or at I1 if the commit was made.
 *
 * If the ledger's disk is full, the commit of a batch fails: "cannot write to '<ledger>': ..." is
 * reported, and nothing of the batch is recorded, published or acknowledged. What was recorded
 * before is still finished, in room that its commit has reserved (sqlite/database_room.h). Then the
 * worker ends with EXIT_STORE (73), and the deliveries of the batch return to the queue. The
 * operator makes room and starts the worker again: no order is lost, and none is decided twice.
 */
#ifndef INVENTORY_WORKER_PIPELINE_H
#define INVENTORY_WORKER_PIPELINE_H

#include "reservation.h"

#include "amqp/broker_options.h"
#include "base/report.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline_settings {
    const struct broker_options *options;
    struct reservation_rule rule;
    bool takes_cancelled; /* takes cancellations, and no orders */
    unsigned prefetch;    /* deliveries in hand at once, at most */
    int retain_days;      /* after which an order that was handled is forgotten; negative: never */
    int64_t expire_after_ms; /* after which a reservation is released; 0: never */
    int count;               /* deliveries to take; negative: no limit */
    int idle_ms;             /* without a delivery, after which to end; negative: never */
    bool flush_only;         /* publish what ended workers left unpublished, and take no orders */
};

/* Opens the ledger and the file of --metrics, and starts a run; connects on first use. Returns
 * EXIT_OK, EXIT_STORE or EXIT_OUTPUT, reported. What settings name must outlive the pipeline. */
enum exit_code pipeline_open(const struct pipeline_settings *settings);

/*
 * Works until no more orders are to be taken, and nothing is in hand. Returns EXIT_OK; EXIT_STORE,
 * EXIT_OUTPUT, or what consumer_take() and publisher_open() return, reported; or EXIT_REFUSED if
 * the broker did not take an event, which stays owed.
 */
enum exit_code pipeline_run(void);

/* Frees all, and ends the run. Harmless if pipeline_open() failed or was not called. */
void pipeline_close(void);

#endif
