/*
 * topology: the exchanges and queues that all services of the workflow share, by name and by
 * argument.
 *
 *   orders-ex    -- order.placed       --> order.placed.q        dead letters to orders-dlx
 *   orders-dlx   -- order.placed.dlq   --> order.placed.dlq
 *   inventory-ex -- inventory.reserved --> inventory.reserved.q
 *   inventory-ex -- inventory.failed   --> inventory.failed.q
 */
#ifndef AMQP_TOPOLOGY_H
#define AMQP_TOPOLOGY_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

#define ORDERS_EXCHANGE "orders-ex"
#define DEAD_LETTER_EXCHANGE "orders-dlx"
#define INVENTORY_EXCHANGE "inventory-ex"

#define PLACED_QUEUE "order.placed.q"
#define DEAD_LETTER_QUEUE "order.placed.dlq"
#define RESERVED_QUEUE "inventory.reserved.q"
#define FAILED_QUEUE "inventory.failed.q"

#define PLACED_KEY "order.placed"
#define DEAD_LETTER_KEY "order.placed.dlq"
#define RESERVED_KEY "inventory.reserved"
#define FAILED_KEY "inventory.failed"

/* What there is, and in which order it can be declared. */
struct topology_part {
    enum { TOPOLOGY_EXCHANGE, TOPOLOGY_QUEUE, TOPOLOGY_BINDING } kind;
    const char *name;        /* of a binding: its queue */
    const char *exchange;    /* of a binding; of a queue: where its dead letters go, or NULL */
    const char *routing_key; /* the same */
};

#define TOPOLOGY_PART_COUNT 11

extern const struct topology_part topology_parts[TOPOLOGY_PART_COUNT];

/* The queues that somebody works on, and so are expected to become empty; NULL at the end. */
extern const char *const topology_work_queues[];

bool topology_is_work_queue(const char *queue);

/* All queues, in the order of the workflow; NULL at the end. */
extern const char *const topology_queues[];

/*
 * Makes sure that all of it is there, for use within a connection_setup. What exists is used as it
 * is, whatever its arguments; what is missing is declared, durable. One round trip if nothing is.
 * Bindings cannot be looked at: they are always made.
 */
enum exit_code topology_declare(struct connection *connection);

/* The same for one exchange, for those who only publish to it; all of the topology is declared if
 * it is missing. */
enum exit_code topology_declare_orders(struct connection *connection);
enum exit_code topology_declare_dead_letters(struct connection *connection);
enum exit_code topology_declare_inventory(struct connection *connection);

struct queue_depth {
    bool exists;
    enum exit_code refused; /* EXIT_OK, or why the broker does not let us look at it: below */
    unsigned
        ready; /* messages that wait; those delivered and not acknowledged are not among them */
    unsigned consumers;
};

/*
 * Looks at one queue, without changing anything. Returns EXIT_OK also if the queue does not exist,
 * or if the broker does not let us look at it; refused then is EXIT_LOGIN (no right to it: nobody
 * knows whether it exists), EXIT_TOPOLOGY (another connection's own) or EXIT_UNREACHABLE (its node
 * is down), and connection_reason() is what the broker says. The connection must be up; after any
 * other failure it is down, which was reported: EXIT_UNREACHABLE means open it and try again.
 */
enum exit_code queue_look(struct connection *connection, const char *queue,
                          struct queue_depth *depth);

/*
 * For what the broker has just answered by closing the channel, a call of rabbitmq-c that may fail
 * in that way: opens the channel again. *refused is EXIT_OK if what was asked for does not exist,
 * otherwise as in queue_look(), with the broker's words after what in connection_reason().
 * Returns as queue_look().
 */
enum exit_code channel_refusal(struct connection *connection, const char *what,
                               enum exit_code *refused);

/*
 * Makes sure that a queue of that name is there, whatever its arguments. After a failure the
 * connection is down, which was reported: EXIT_UNREACHABLE means open it and try again.
 */
enum exit_code queue_ensure(struct connection *connection, const char *queue);

/* queue_look() for an exchange: is it there? */
enum exit_code exchange_look(struct connection *connection, const char *exchange, bool *exists,
                             enum exit_code *refused);

#endif
