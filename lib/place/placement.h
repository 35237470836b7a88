/*
 * placement: orders from standard input to their receipts: stored, published, confirmed, and told on
 * standard output.
 *
 * What is on disk and on the broker when the program is killed, per order:
 *
 *   state                         after a kill
 *   P0  checked                   no receipt, nothing stored: place it again
 *   P1  row PENDING committed     the next run, or order-place --flush, publishes it
 *   P2  published and confirmed   it may be published again: same order_id, ignored downstream
 *   P3  row PLACED committed      the receipt may be missing: order-show, or place the same
 *                                 order_id again
 *   P4  receipt written           done
 *
 * P1 is on disk before the order is published. P3, committed alone, is not synced: after a loss of
 * power, unlike after a kill, an order may be back in P1 though its receipt was printed. That costs
 * a second copy on the broker.
 *
 * Orders go through these states in batches of what has arrived. The commit that stores a batch
 * also marks the confirmed orders of earlier batches, and goes on while the broker works on those.
 *
 * A broker that stays away is not a failure here: the orders stay pending, and placement_verdict()
 * says so. Functions that return an exit code return the first failure, at every call from then on.
 * After one no more orders should be taken, but those at hand be finished, unless it is EXIT_STORE.
 */
#ifndef PLACE_PLACEMENT_H
#define PLACE_PLACEMENT_H

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/report.h"
#include "json/stream.h"
#include "order/order.h"

#include <stdbool.h>
#include <stdint.h>

struct placement;

struct placement_settings {
    const struct broker_options *options; /* must outlive the placement */
    bool tell_left; /* print receipts also for orders that earlier runs left pending */
    /* Called for an order that was taken and is refused after all: its place, its text as it came,
     * and the reason. */
    void (*refuse)(const struct json_piece *piece);
    /* Called once a round with the number of receipts printed so far. */
    void (*told)(uint64_t count);
};

/*
 * Opens the store, and makes the pending orders of ended runs this run's own. Connects on first
 * use. Returns EXIT_OK, with *placement to be freed by placement_close(), or EXIT_STORE, reported.
 */
enum exit_code placement_open(const struct placement_settings *settings,
                              struct placement **placement);

/* Frees the placement and ends its run. NULL is harmless. */
void placement_close(struct placement *placement);

/* Returns whether the batch can take one more order. */
bool placement_has_room(const struct placement *placement);

/* Adds an order, which was read from piece, to the batch. There must be room. Copies what it needs
 * of both. */
void placement_take(struct placement *placement, const struct order *order,
                    const struct json_piece *piece);

/*
 * Runs one round: reads the broker's answers, stores the batch, prints the receipts that are due,
 * publishes the batch. Waits only for a connection, and while too much is on its way.
 */
enum exit_code placement_turn(struct placement *placement);

/* Publishes the orders that earlier runs left pending. */
enum exit_code placement_publish_left(struct placement *placement);

/*
 * If connecting was given up, and the retry delay has passed since: tries once more, without
 * waiting or reporting, and then publishes the pending orders of this run.
 */
enum exit_code placement_retry(struct placement *placement);

/* Waits until the broker has answered all that was published, and disconnects. placement_turn() then
 * prints the receipts. */
enum exit_code placement_drain(struct placement *placement);

/* Returns whether the batch is empty, and every receipt was printed. */
bool placement_is_idle(const struct placement *placement);

/* Returns the connection, for connection_wait(). */
struct connection *placement_connection(struct placement *placement);

/* Returns EXIT_REFUSED if the broker did not take an order, otherwise EXIT_PENDING if one is still
 * pending, otherwise EXIT_OK. */
enum exit_code placement_verdict(const struct placement *placement);

#endif
