/*
 * dispatch: the events of orders on their way to the broker, and what the broker answers, noted in
 * their receipts.
 *
 * Once connecting was given up, the dispatch is offline: events are not published, and their
 * receipts become RECEIPT_PENDING. Functions that return an exit code return EXIT_OK also if the
 * broker stays away; after any other failure of publisher_open() they return its code, reported.
 * Both make the dispatch offline.
 *
 * A dispatch that never waits keeps the connection up in the background instead. Messages without a
 * result stay with the publisher, which publishes them again.
 */
#ifndef PLACE_DISPATCH_H
#define PLACE_DISPATCH_H

#include "amqp/broker_options.h"
#include "amqp/publisher.h"
#include "base/report.h"
#include "message/send_spans.h"
#include "metrics/histogram.h"
#include "place/adrift.h"
#include "place/receipts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dispatch {
    struct publisher *publisher;
    struct send_spans spans;   /* of what is on its way */
    struct receipts *receipts; /* the caller's; must outlive the dispatch */
    bool never_waits;
    bool has_tried;       /* if never_waits: the first attempt to connect has ended */
    struct adrift adrift; /* if never_waits: what dispatch_let_go() let go */
    bool is_offline;
    int64_t offline_since_ms;   /* by the monotonic clock; or when dispatch_retry() last tried */
    struct histogram confirmed; /* from storing an order to the broker's confirm */
    bool some_refused;          /* by the broker: reported, and pending; the caller may clear it */
    bool some_left;             /* not published, and pending; the caller may clear it */
};

/* Connects on first use. options and receipts must outlive the dispatch. */
void dispatch_open(struct dispatch *dispatch, const struct broker_options *options,
                   struct receipts *receipts, bool never_waits);

/* Frees all but the receipts. */
void dispatch_close(struct dispatch *dispatch);

/* Connects, unless the connection is up or the dispatch is offline. To be called again and again if
 * the dispatch never waits. */
enum exit_code dispatch_connect(struct dispatch *dispatch);

/* Publishes the event of the order id, whose receipt has that number; it carries the context trace,
 * which may be NULL. Waits while too much is on
 * its way; a dispatch that never waits leaves the order pending then. */
enum exit_code dispatch_publish(struct dispatch *dispatch, const unsigned char *id,
                                const char *event, const char *trace, uint64_t number);

/* Notes in the receipts what the broker has answered. Does not wait. */
void dispatch_take_results(struct dispatch *dispatch);

/* Returns whether the connection is down or blocked. */
bool dispatch_is_away(const struct dispatch *dispatch);

/* For a dispatch that never waits: returns whether it is not away, and the broker answers in time,
 * so that nothing is adrift. */
bool dispatch_is_ready(const struct dispatch *dispatch);

/* Returns how many orders a dispatch that never waits would publish now. */
size_t dispatch_room(const struct dispatch *dispatch);

/*
 * Has orders told as pending, and sets them adrift, that wait since before_ms or longer; all that
 * the broker has not confirmed if the connection is down or blocked. Those whose receipts have the
 * number end or a greater one are left as they are: they are not published yet.
 */
void dispatch_let_go(struct dispatch *dispatch, int64_t before_ms, uint64_t end);

/* Waits until the broker has answered all that was published, and disconnects. */
enum exit_code dispatch_drain(struct dispatch *dispatch);

/* If the dispatch is offline and delay_ms have passed since: tries once to connect, without waiting
 * or reporting. Returns whether it is connected again. */
bool dispatch_retry(struct dispatch *dispatch, int64_t delay_ms);

#endif
