/*
 * consumer: takes deliveries from one queue, in batches, on a connection of its own.
 *
 * A delivery is a copy that belongs to the consumer, and lasts until it is settled: acknowledged,
 * rejected or let go. If its connection is lost before that, the broker delivers the message again;
 * settling the old copy then only frees it.
 */
#ifndef AMQP_CONSUMER_H
#define AMQP_CONSUMER_H

#include "amqp/connection.h"
#include "amqp/delivery.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for the longest name of a queue and its terminating NUL. */
#define CONSUMER_QUEUE_SIZE 256

struct consumer;

struct consumer_settings {
    const char *queue; /* NULL if each connection declares a queue of its own: own_queue */
    /*
     * Called on each new connection, before the queue is looked for; returns as a connection_setup.
     * NULL if nothing is to be declared: if the queue does not exist, connecting fails with
     * EXIT_TOPOLOGY.
     */
    enum exit_code (*declare)(struct connection *connection);
    /*
     * Called on each new connection if queue is NULL: declares a queue, and writes its name;
     * returns as a connection_setup.
     */
    enum exit_code (*own_queue)(struct connection *connection, void *context,
                                char name[CONSUMER_QUEUE_SIZE]);
    bool counts; /* consumer_waiting() must be right: a queue that seems empty is asked again */
    unsigned prefetch; /* deliveries that may be unsettled at once: 1 to 65535, or 0 for no limit */
    size_t max_body;   /* bytes of a body that are kept */
    /*
     * Called once for each connection that is lost or closed, with the deliveries that had arrived
     * on it and were not taken, linked by next; they stay the consumer's. consumer_unsure() still
     * counts what was settled on that connection. May be NULL.
     */
    void (*on_loss)(void *context, const struct delivery *arrived);
    void *context; /* of own_queue and on_loss */
};

/* ---- life ---- */

/*
 * Makes a consumer, which connects on first use. *settings is copied; what it points to, and
 * options, must outlive the consumer. Free it with consumer_free().
 */
struct consumer *consumer_new(const struct broker_options *options,
                              const struct consumer_settings *settings);

/* Closes the connection; frees the consumer with all deliveries, settled or not. Accepts NULL. */
void consumer_free(struct consumer *consumer);

/* Connects and subscribes, unless the connection is up. Returns as connection_open() does. */
enum exit_code consumer_open(struct consumer *consumer);

/*
 * Waits up to 15 s until the broker has handled all that was settled, and closes the connection,
 * whatever has arrived on it. Returns true if the broker has surely seen all of it; false if it may
 * not have, for example because it had closed the channel. The consumer can be used on: it connects
 * again, and what was not settled is delivered again.
 */
bool consumer_finish(struct consumer *consumer);

/*
 * Calls consumer_finish() at the end of a program. Returns EXIT_OK; or EXIT_UNREACHABLE if the
 * broker may not have seen all that was settled, having reported how many messages may come again.
 * settings.queue must not be NULL.
 */
enum exit_code consumer_end(struct consumer *consumer);

/* ---- the queue ---- */

/* Returns the name of the queue; if each connection has its own, that of the last one. */
const char *consumer_queue(const struct consumer *consumer);

/* Returns the number of messages that were ready in the queue when the consumer last connected. */
unsigned consumer_waiting(const struct consumer *consumer);

/*
 * Returns the number of other consumers that the queue had when the consumer last connected. With
 * 0, no earlier connection still holds messages back.
 */
unsigned consumer_others(const struct consumer *consumer);

/* Returns the consumer's connection, for connection_wait(). */
struct connection *consumer_connection(struct consumer *consumer);

/*
 * Changes the prefetch (1 to 65535, or 0 for no limit) for deliveries that come from now on. Those
 * that came before do not count against it. Never waits.
 */
void consumer_set_prefetch(struct consumer *consumer, unsigned prefetch);

/* ---- taking deliveries ---- */

/*
 * Takes what has arrived, at most max deliveries, into batch, an array of the caller's with room
 * for max, and sets *count. The caller settles each. If nothing has arrived, waits up to timeout_ms
 * (for ever, if negative) for the first delivery, but not for more. Stops reading when 16 MiB have
 * arrived. Connects if need be. *count is 0 if the time is over or a stop is requested. Returns
 * EXIT_OK, or what connection_open() returns.
 *
 * The time counts only on a connection that works: it starts again with each connection, and from a
 * timeout of 300 ms on the queue must give a sign of life before it is over. A broker that gives
 * none within 15 s is lost, and so is one whose queue has no leader. A queue that has messages and
 * no other consumer gets up to 15 s more, as long as fewer deliveries are unsettled than the
 * prefetch.
 *
 * Without a timeout, too, a queue from which nothing comes for 5 s is asked: one that has messages
 * and no consumer has lost the subscription, and the connection is given up for a new one.
 */
enum exit_code consumer_take(struct consumer *consumer, struct delivery **batch, size_t max,
                             size_t *count, int timeout_ms);

/* The options --count and --idle-timeout, and what they say; both are negative if not given. */
extern struct option_entry consumer_option_table[];
extern int consumer_count; /* deliveries to take */
extern int consumer_idle_s;

/*
 * Returns the timeout in ms for consumer_take() that means "nothing has come for consumer_idle_s
 * seconds". For 0 seconds that is the time which a message that is ready in the queue may take to
 * arrive. Negative if consumer_idle_s is.
 */
int consumer_idle_ms(void);

/*
 * Reads what has arrived, up to the prefetch, for the next consumer_take(). Never waits: for use
 * while the work on a delivery is slow.
 */
void consumer_service(struct consumer *consumer);

/* As consumer_service(); returns how many deliveries consumer_take() could take without waiting. */
size_t consumer_arrived(struct consumer *consumer);

/* ---- settling ---- */

/*
 * Acknowledges a delivery, which must not be used afterwards: the broker removes the message. If
 * sending fails, the next consumer_take() notices that the connection is lost, and the message
 * comes again.
 */
void consumer_ack(struct consumer *consumer, struct delivery *delivery);

/*
 * As consumer_ack(), but rejects the delivery: the broker moves the message to the queue's dead
 * letter exchange, or drops it if the queue has none.
 */
void consumer_reject(struct consumer *consumer, struct delivery *delivery);

/* Frees a delivery unsettled: the broker delivers it again once this connection is closed. */
void consumer_let_go(struct consumer *consumer, struct delivery *delivery);

/*
 * Acknowledges count deliveries, in the order in which they came, with one basic.ack (multiple).
 * All others that came before the last of them on the same connection must be settled. count may be
 * 0.
 */
void consumer_ack_batch(struct consumer *consumer, struct delivery **batch, size_t count);

/*
 * Returns whether the connection on which the delivery came is still up. If not, settling it sends
 * nothing, and the message comes again.
 */
bool consumer_is_current(struct consumer *consumer, const struct delivery *delivery);

/*
 * Returns how many of the deliveries that were settled on the present connection, or on the last
 * one if it is down, the broker may not have seen settled: at most so many come again.
 */
size_t consumer_unsure(const struct consumer *consumer);

#endif
