/*
 * pipeline: orders on their way: stored, published, confirmed, and told by a receipt on standard
 * output.
 *
 * What is on disk and on the broker when the program is killed, per order:
 *
 *   P0  checked                    no receipt, nothing stored: place it again
 *   P1  row PENDING committed      the next run, or order-place --flush, publishes it
 *   P2  published and confirmed    it may be published again: same order_id, ignored downstream
 *   P3  row PLACED committed       the receipt may be missing: order-show, or place the same
 * order_id again P4  receipt written            done
 *
 * P1 is on the disk before the order is published. P3, committed alone, is not synced: after a loss
 * of power, unlike after a kill, an order may be back in P1 though its receipt was printed, which
 * costs a second copy on the broker.
 *
 * Orders go through these states in batches of what has arrived: the commit that stores a batch is
 * the one that marks the confirmed orders of earlier batches, and is under way while the broker
 * works on those.
 *
 * A broker that stays away is no failure here: the orders keep pending, and pipeline_verdict() says
 * so. Functions that return an exit code give the first that is a failure, at every call from then
 * on: no more orders should be taken, but those at hand be seen through, unless it is EXIT_STORE.
 */
#ifndef ORDER_PLACE_PIPELINE_H
#define ORDER_PLACE_PIPELINE_H

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/report.h"
#include "json/stream.h"
#include "order/order.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline;

struct pipeline_settings {
    const struct broker_options *options; /* must outlive it */
    bool tell_left; /* print receipts for what earlier runs left pending, too */
    /* Told of an order that was taken, and is refused after all: where it stood, as it came, and
     * why. */
    void (*refuse)(const struct json_piece *piece);
    /* Told in each round how many receipts were printed so far. */
    void (*told)(uint64_t count);
};

/* Opens the store, and makes the pending orders of ended runs this run's own. Connects on first
 * use. */
enum exit_code pipeline_open(const struct pipeline_settings *settings, struct pipeline **pipeline);

/* NULL is harmless. */
void pipeline_close(struct pipeline *pipeline);

/* Can the batch at hand take one more? */
bool pipeline_has_room(const struct pipeline *pipeline);

/* Takes an order, which was read from piece, into the batch. Copies what it needs. */
void pipeline_take(struct pipeline *pipeline, const struct order *order,
                   const struct json_piece *piece);

/*
 * One round: takes in what the broker has said, stores the batch, prints the receipts that can be,
 * publishes the batch. Waits only if too much is on its way, or for a connection.
 */
enum exit_code pipeline_turn(struct pipeline *pipeline);

/* Publishes what earlier runs left. */
enum exit_code pipeline_publish_left(struct pipeline *pipeline);

/*
 * Once connecting was given up: tries again from time to time, at once and silently, and then
 * publishes what is pending.
 */
enum exit_code pipeline_retry(struct pipeline *pipeline);

/* Waits until the broker has answered all that was published, and leaves it. pipeline_turn() tells
 * of the answers. */
enum exit_code pipeline_drain(struct pipeline *pipeline);

/* Nothing is at hand: all that was taken was told. */
bool pipeline_is_idle(const struct pipeline *pipeline);

/* For connection_wait(). */
struct connection *pipeline_connection(struct pipeline *pipeline);

/* EXIT_REFUSED if the broker did not take an order, otherwise EXIT_PENDING if one is left pending.
 */
enum exit_code pipeline_verdict(const struct pipeline *pipeline);

#endif
