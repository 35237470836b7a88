/*
 * placement: orders on their way to their receipts: stored, published, confirmed, and told.
 *
 * What is on disk and on the broker when the program is killed, per order:
 *
 *   state                         after a kill
 *   P0  checked                   no receipt, nothing stored: place it again
 *   P1  row PENDING committed     the next run, or order-place --flush, publishes it
 *   P2  published and confirmed   it may be published again: same order_id, ignored downstream
 *   P3  row PLACED committed      the receipt may be missing: order-show, or place the same
 *                                 order_id again
 *   P4  receipt told              done
 *
 * P1 is committed before the order is published, and synced while the broker works: a receipt waits
 * for both. So a loss of power, unlike a kill, can leave an order without a receipt on the broker
 * alone. P3, committed alone, is not synced: after a loss of power an order may be back in P1
 * though its receipt was told. That costs a second copy on the broker.
 *
 * Orders go through these states in batches of what has arrived. The commit that stores a batch
 * also marks the confirmed orders of earlier batches, and goes on while the broker works on those.
 *
 * A broker that stays away is not a failure here: the orders stay pending, and placement_verdict()
 * says so. Functions that return an exit code return the first failure, at every call from then on;
 * EXIT_STORE once the store has failed, whatever was first. After one no more orders should be
 * taken, but those at hand be finished, unless it is EXIT_STORE.
 */
#ifndef PLACE_PLACEMENT_H
#define PLACE_PLACEMENT_H

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/report.h"
#include "json/stream.h"
#include "order/order.h"
#include "place/receipts.h"

#include <stdbool.h>
#include <stdint.h>

struct placement;

struct placement_settings {
    const struct broker_options *options; /* must outlive the placement */
    bool tell_left;                       /* tell also of orders that earlier runs left pending */
    /*
     * No call waits for the broker, which is connected to in the background, again and again. An
     * order that cannot be published at once, because the broker is away, has blocked the
     * connection or does not answer in time, is told as pending at once; one that the broker has
     * not confirmed within patience_ms, then. placement_turn() publishes them later, like those
     * that earlier runs left.
     */
    bool never_waits;
    int64_t patience_ms;
    void *context; /* given to the functions, which must not call the placement's */
    /* Called for an order that was taken and is refused after all: its place, its text as it came,
     * and the reason. */
    void (*refuse)(void *context, const struct json_piece *piece);
    /* Called for a receipt that is due. number is that of the piece that the order was read from,
     * 0 if an earlier run left it. */
    receipt_tell *tell;
    /* Called after the receipts that were due, once a round or twice; count is how many were told
     * so far. What it returns counts as a failure of the placement. May be NULL. */
    enum exit_code (*told)(void *context, uint64_t count);
};

/*
 * Opens the store, and makes the pending orders of ended runs this run's own. Connects on first
 * use. Returns EXIT_OK, with *placement to be freed by placement_close(), or EXIT_STORE, reported.
 */
enum exit_code placement_open(const struct placement_settings *settings,
                              struct placement **placement);

/* Frees the placement and ends its run. NULL is harmless. */
void placement_close(struct placement *placement);

/*
 * Returns whether the batch can take one more order. While the broker answers in time, a placement
 * that never waits takes no more than the publisher has room for; and none within patience_ms after
 * placement_open() before the first attempt to connect has ended.
 */
bool placement_has_room(const struct placement *placement);

/*
 * Adds an order, which was read from piece, to the batch. id is what it is stored under; NULL for
 * its own order_id or, if it has none, a new one. Its event carries the context trace
 * (trace/context.h), which may be NULL. There must be room. Copies what it needs of all four.
 */
void placement_take(struct placement *placement, const struct order *order, const unsigned char *id,
                    const char *trace, const struct json_piece *piece);

/*
 * Runs one round: reads the broker's answers, stores the batch, tells the receipts that are due,
 * publishes the batch, waits for its sync. Waits for the broker only while there is no connection,
 * or too much on its way; one that never waits does not, and publishes also what was left pending,
 * as far as there is room.
 */
enum exit_code placement_turn(struct placement *placement);

/*
 * After EXIT_STORE: drops the batch, of which nothing was or will be told, and forgets the failure,
 * so that a caller that never waits can go on. Its orders may be in the store all the same, and are
 * published then, if they are not already. Other receipts that wait are told as pending. Returns
 * false if the batch was stored, and something else failed.
 */
bool placement_abandon(struct placement *placement);

/* After EXIT_STORE: returns whether the batch may be placed all the same: only its sync failed, or
 * a database did not answer. */
bool placement_is_in_doubt(const struct placement *placement);

/* After EXIT_STORE, for one that never waits: returns whether another program has locked the
 * store, so that nothing of the batch was done. */
bool placement_is_locked(const struct placement *placement);

/* Returns after how many milliseconds at most placement_turn() is to be called again, even if
 * nothing arrives; -1 for never. */
int placement_due_ms(struct placement *placement);

/* Publishes the orders that earlier runs left pending. Not for one that never waits. */
enum exit_code placement_publish_left(struct placement *placement);

/*
 * If connecting was given up, and the retry delay has passed since: tries once more, without
 * waiting or reporting, and then publishes the pending orders of this run. Not for one that never
 * waits.
 */
enum exit_code placement_retry(struct placement *placement);

/* Waits until the broker has answered all that was published, and disconnects. placement_turn()
 * then tells the receipts. Not for one that never waits. */
enum exit_code placement_drain(struct placement *placement);

/* Returns whether the batch is empty, and every receipt was told. */
bool placement_is_idle(const struct placement *placement);

/* Returns whether there is a connection to the broker. */
bool placement_is_connected(const struct placement *placement);

/* Returns whether the broker, short of memory or disk, wants no messages on it. */
bool placement_is_blocked(const struct placement *placement);

/* Returns the connection, for connection_wait(). */
struct connection *placement_connection(struct placement *placement);

/* Returns EXIT_REFUSED if the broker did not take an order, otherwise EXIT_PENDING if one is still
 * pending, otherwise EXIT_OK. One that never waits counts only what is pending now. */
enum exit_code placement_verdict(const struct placement *placement);

#endif
