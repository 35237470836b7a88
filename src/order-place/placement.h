/*
 * placement: orders on their way: stored, published, confirmed, and told by a receipt on standard output.
 *
 * What is on disk and on the broker when the program is killed, per order:
 *
 *   P0  checked                    no receipt, nothing stored: place it again
 *   P1  row PENDING committed      the next run, or order-place --flush, publishes it
 *   P2  published and confirmed    it may be published again: same order_id, ignored downstream
 *   P3  row PLACED committed       the receipt may be missing: order-show, or place the same order_id again
 *   P4  receipt written            done
 *
 * P1 is on the disk before the order is published. P3, committed alone, is not synced: after a loss of power, unlike
 * after a kill, an order may be back in P1 though its receipt was printed, which costs a second copy on the broker.
 *
 * Orders go through these states in batches of what has arrived: the commit that stores a batch is the one
 * that marks the confirmed orders of earlier batches, and is under way while the broker works on those.
 *
 * A broker that stays away is no failure here: the orders keep pending, and placement_verdict() says so. Functions
 * that return an exit code give the first that is a failure, at every call from then on: no more orders should
 * be taken, but those at hand be seen through, unless it is EXIT_STORE.
 */
#ifndef ORDER_PLACE_PLACEMENT_H
#define ORDER_PLACE_PLACEMENT_H

#include "json/stream.h"
#include "amqp/connection.h"
#include "amqp/broker_options.h"
#include "order/order.h"
#include "base/report.h"

#include <stdbool.h>
#include <stdint.h>

struct placement;

struct placement_settings {
    const struct broker_options *options; /* must outlive it */
    bool tell_left;                       /* print receipts for what earlier runs left pending, too */
    /* Told of an order that was taken, and is refused after all: where it stood, as it came, and why. */
    void (*refuse)(const struct json_piece *piece);
    /* Told in each round how many receipts were printed so far. */
    void (*told)(uint64_t count);
};

/* Opens the store, and makes the pending orders of ended runs this run's own. Connects on first use. */
enum exit_code placement_open(const struct placement_settings *settings, struct placement **placement);

/* NULL is harmless. */
void placement_close(struct placement *placement);

/* Can the batch at hand take one more? */
bool placement_has_room(const struct placement *placement);

/* Takes an order, which was read from piece, into the batch. Copies what it needs. */
void placement_take(struct placement *placement, const struct order *order, const struct json_piece *piece);

/*
 * One round: takes in what the broker has said, stores the batch, prints the receipts that can be, publishes the
 * batch. Waits only if too much is on its way, or for a connection.
 */
enum exit_code placement_turn(struct placement *placement);

/* Publishes what earlier runs left. */
enum exit_code placement_publish_left(struct placement *placement);

/*
 * Once connecting was given up: tries again from time to time, at once and silently, and then publishes what is
 * pending.
 */
enum exit_code placement_retry(struct placement *placement);

/* Waits until the broker has answered all that was published, and leaves it. placement_turn() tells of the answers. */
enum exit_code placement_settle(struct placement *placement);

/* Nothing is at hand: all that was taken was told. */
bool placement_is_idle(const struct placement *placement);

/* For connection_wait(). */
struct connection *placement_connection(struct placement *placement);

/* EXIT_REFUSED if the broker did not take an order, otherwise EXIT_PENDING if one is left pending. */
enum exit_code placement_verdict(const struct placement *placement);

#endif
