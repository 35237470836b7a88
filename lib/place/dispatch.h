/*
 * dispatch: the events of orders on their way to the broker, and what the broker answers, noted in
 * their receipts.
 *
 * Once connecting was given up, the dispatch is offline: events are not published, and their
 * receipts become RECEIPT_PENDING. Functions that return an exit code return EXIT_OK also if the
 * broker stays away; after any other failure of publisher_open() they return its code, reported.
 * Both make the dispatch offline.
 */
#ifndef PLACE_DISPATCH_H
#define PLACE_DISPATCH_H

#include "amqp/broker_options.h"
#include "amqp/publisher.h"
#include "base/report.h"
#include "place/receipts.h"

#include <stdbool.h>
#include <stdint.h>

struct dispatch {
    struct publisher *publisher;
    struct receipts *receipts; /* the caller's; must outlive the dispatch */
    bool is_offline;
    int64_t offline_since_ms; /* by the monotonic clock; or when dispatch_retry() last tried */
    bool some_refused;        /* by the broker: reported, and pending */
};

/* Connects on first use. options and receipts must outlive the dispatch. */
void dispatch_open(struct dispatch *dispatch, const struct broker_options *options,
                   struct receipts *receipts);

/* Frees all but the receipts. */
void dispatch_close(struct dispatch *dispatch);

/* Connects, unless the connection is up or the dispatch is offline. */
enum exit_code dispatch_connect(struct dispatch *dispatch);

/* Publishes the event of the order id, whose receipt has that number. Waits while too much is on
 * its way. */
enum exit_code dispatch_publish(struct dispatch *dispatch, const unsigned char *id,
                                const char *event, uint64_t number);

/* Notes in the receipts what the broker has answered. Does not wait. */
void dispatch_take_results(struct dispatch *dispatch);

/* Waits until the broker has answered all that was published, and disconnects. */
enum exit_code dispatch_drain(struct dispatch *dispatch);

/* If the dispatch is offline and delay_ms have passed since: tries once to connect, without waiting
 * or reporting. Returns whether it is connected again. */
bool dispatch_retry(struct dispatch *dispatch, int64_t delay_ms);

#endif
