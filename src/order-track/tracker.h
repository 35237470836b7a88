/*
 * tracker: outcomes from their delivery to the acknowledgement: recorded in the store of orders.
 *
 * What is on disk and on the broker when the program is killed, per delivery:
 *
 *   state                                after a kill
 *   T0  delivered, nothing recorded      redelivered, and handled afresh
 *   T1  recorded: status, time, reason   redelivered; recorded already, nothing changes
 *   T2  acknowledged                     done
 *
 * A batch is all that has arrived, up to the prefetch: one commit, one acknowledgement. Events may
 * come late, in another order or several times, to one tracker or to several: what the store holds
 * in the end is the same.
 *
 * An event that is malformed is moved to the dead letter queue, and acknowledged once the broker
 * has confirmed that. One that cannot be moved stays in hand and is tried again each minute; it
 * does not hold up others. An event of another type, and one about an order that is not in the
 * store, is logged and acknowledged.
 *
 * In between, orders are listed for those who ask (store/question.h): some after each batch, and
 * all when nothing else is to be done.
 */
#ifndef ORDER_TRACK_TRACKER_H
#define ORDER_TRACK_TRACKER_H

#include "amqp/broker_options.h"
#include "base/report.h"

struct tracker_settings {
    const struct broker_options *options;
    unsigned prefetch; /* deliveries in hand at once, at most */
    int count;         /* deliveries to take; negative: no limit */
    int idle_ms;       /* without a delivery, after which to end; negative: never */
};

/* Opens the store and the file of --metrics; connects on first use. Returns EXIT_OK, EXIT_STORE or
 * EXIT_OUTPUT, reported. What settings
 * name must outlive the tracker. */
enum exit_code tracker_open(const struct tracker_settings *settings);

/*
 * Works until no more deliveries are to be taken. Returns EXIT_OK; EXIT_STORE, EXIT_OUTPUT, or what
 * consumer_take() and publisher_open() return, reported; or EXIT_REFUSED if a malformed event is
 * left that the broker did not take as a dead letter.
 */
enum exit_code tracker_run(void);

/* Frees all. Harmless if tracker_open() failed or was not called. */
void tracker_close(void);

#endif
