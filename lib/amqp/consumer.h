/*
 * consumer: deliveries from one queue, in batches, on a connection of its own.
 *
 * A delivery is a copy that lasts until it is settled: acknowledged, rejected or let go. If the
 * connection is lost meanwhile, the broker delivers it anew; settling the old copy then does
 * nothing.
 */
#ifndef AMQP_CONSUMER_H
#define AMQP_CONSUMER_H

#include "amqp/connection.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest name of a queue, and the terminating NUL. */
#define CONSUMER_QUEUE_SIZE 256

struct consumer;

struct delivery {
    uint64_t tag;
    unsigned generation;
    bool redelivered;
    amqp_bytes_t exchange;
    amqp_bytes_t routing_key;
    amqp_bytes_t properties; /* encoded: delivery_properties() */
    amqp_bytes_t body;       /* cut at the consumer's max_body */
    uint64_t body_size;      /* as it was sent */
    char *memory;            /* private, like all below */
    size_t capacity;
    size_t used;
    struct delivery *next;
    struct delivery *older;
};

struct consumer_settings {
    const char *queue; /* NULL if each connection has a queue of its own: own_queue */
    /*
     * Called on each new connection, before the queue is looked for: declares what the program
     * needs. Returns as a connection_setup. NULL: nothing is declared, and without the queue
     * consumer_open() fails with EXIT_TOPOLOGY.
     */
    enum exit_code (*declare)(struct connection *connection);
    /* Called on each new connection if queue is NULL: declares one, and writes its name. Returns as
     * a connection_setup. */
    enum exit_code (*own_queue)(struct connection *connection, void *context,
                                char name[CONSUMER_QUEUE_SIZE]);
    unsigned prefetch; /* deliveries that the broker may have out at once: 1 to 65535, or 0 for no
                          limit */
    size_t max_body;   /* bytes of a body that are kept */
    /*
     * Called once for each connection that is lost, with the deliveries that had arrived on it and
     * were not taken, linked by next; they stay the consumer's. consumer_unsure() is still that of
     * the lost connection. May be NULL.
     */
    void (*on_loss)(void *context, const struct delivery *arrived);
    void *context; /* of own_queue and on_loss */
};

/*
 * Connects on first use. options and the name of the queue must outlive it. It owns all deliveries,
 * settled or not.
 */
struct consumer *consumer_new(const struct broker_options *options,
                              const struct consumer_settings *settings);
void consumer_free(struct consumer *consumer);

/* Connects now. EXIT_OK, or what connection_open() gives. */
enum exit_code consumer_open(struct consumer *consumer);

/* The queue: the present connection's, if each has its own. */
const char *consumer_queue(const struct consumer *consumer);

/* Messages that waited in the queue when the consumer last connected. */
unsigned consumer_waiting(const struct consumer *consumer);

/*
 * Consumers that the queue had just before this one connected last. 0 means that no earlier
 * connection holds any message back.
 */
unsigned consumer_others(const struct consumer *consumer);

/*
 * Sets the prefetch (1 to 65535, or 0 for no limit) of deliveries that come from here on; those
 * that are out already stay out, and no longer count against it. Never waits.
 */
void consumer_set_prefetch(struct consumer *consumer, unsigned prefetch);

/*
 * Takes what has arrived, at most max deliveries (fewer if they are large: no more is read once 16
 * MiB wait), into batch. If nothing has, waits up to timeout_ms (for ever if negative) for the
 * first, but not for company. *count is 0 when the time is over or a stop is asked for. Connects if
 * need be; any code but EXIT_OK is connection_open()'s.
 *
 * Time counts only on a connection that works: it starts anew with each connection, and from 300 ms
 * on the broker is asked for a sign of life before the time is over. A broker that does not give
 * one in 15 s is lost.
 */
enum exit_code consumer_take(struct consumer *consumer, struct delivery **batch, size_t max,
                             size_t *count, int timeout_ms);

/*
 * The timeout_ms that means: until nothing comes for so many seconds. For 0 seconds a little more,
 * which is what a message that waits in the queue takes to arrive.
 */
int consumer_idle_ms(long seconds);

/*
 * Takes in what has arrived, up to the prefetch, for the next consumer_take(). Never waits: for use
 * while the work on a delivery is slow.
 */
void consumer_service(struct consumer *consumer);

/* The same; and how many deliveries consumer_take() could take now. */
size_t consumer_arrived(struct consumer *consumer);

/*
 * Settles a delivery. Acknowledged: done. Rejected: the broker moves it to the queue's dead letter
 * exchange, or drops it if it has none. Let go: the broker keeps it, and delivers it anew once this
 * connection is closed. A failure to send is noticed by the next consumer_take(): the delivery then
 * comes again.
 */
void consumer_ack(struct consumer *consumer, struct delivery *delivery);
void consumer_reject(struct consumer *consumer, struct delivery *delivery);
void consumer_let_go(struct consumer *consumer, struct delivery *delivery);

/* Acknowledges a whole batch at once. Nothing that was delivered before it may be unsettled. */
void consumer_ack_batch(struct consumer *consumer, struct delivery **batch, size_t count);

/* False if the connection it came on is gone: then settling it does nothing, and it comes again. */
bool consumer_is_current(struct consumer *consumer, const struct delivery *delivery);

/*
 * Returns how many of the deliveries that were settled on the present connection, or else on the
 * last one, the broker may not have seen settled: at most so many come again.
 */
size_t consumer_unsure(const struct consumer *consumer);

/*
 * Waits until the broker has handled all that was settled, for up to 15 s, and closes the
 * connection, whatever has arrived on it. Returns false if the broker may not have seen all of it,
 * as after a channel that it closed. The consumer can be used on: it connects again, and what was
 * not acknowledged is delivered anew.
 */
bool consumer_finish(struct consumer *consumer);

/*
 * Ends the work of a program that settles deliveries: consumer_finish(). If the broker may not have
 * seen all that was settled, reports the number and that so many messages may come again, and
 * returns EXIT_UNREACHABLE; otherwise EXIT_OK.
 */
enum exit_code consumer_end(struct consumer *consumer);

/* For connection_wait(). */
struct connection *consumer_connection(struct consumer *consumer);

/*
 * The properties of a delivery, decoded into pool; they last as long as the pool and the delivery.
 * NULL if they cannot be decoded.
 */
const amqp_basic_properties_t *delivery_properties(const struct delivery *delivery,
                                                   amqp_pool_t *pool);

#endif
