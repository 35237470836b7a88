/*
 * topology: the exchanges and queues that all services of the workflow share, by name and by
 * argument. All exchanges are direct, and everything is durable. Dead letters of order.placed.q get
 * the routing key order.placed.dlq.
 *
 *   orders-ex    -- order.placed       --> order.placed.q        dead letters to orders-dlx
 *   orders-dlx   -- order.placed.dlq   --> order.placed.dlq
 *   inventory-ex -- inventory.reserved --> inventory.reserved.q
 *   inventory-ex -- inventory.failed   --> inventory.failed.q
 *
 * These queues are optional: only the programs that use them declare them.
 *
 *   orders-ex    -- order.cancelled       --> order.cancelled.q  dead letters as order.placed.q
 *   inventory-ex -- inventory.released    --> inventory.released.q
 *   inventory-ex -- inventory.reserved, inventory.failed, inventory.released and
 *                   inventory.handed_over --> order.outcome.q
 */
#ifndef AMQP_TOPOLOGY_H
#define AMQP_TOPOLOGY_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>

#define ORDERS_EXCHANGE "orders-ex"
#define DEAD_LETTER_EXCHANGE "orders-dlx"
#define INVENTORY_EXCHANGE "inventory-ex"

#define PLACED_QUEUE "order.placed.q"
#define DEAD_LETTER_QUEUE "order.placed.dlq"
#define RESERVED_QUEUE "inventory.reserved.q"
#define FAILED_QUEUE "inventory.failed.q"

#define CANCELLED_QUEUE "order.cancelled.q"
#define OUTCOME_QUEUE "order.outcome.q"
#define RELEASED_QUEUE "inventory.released.q"

#define PLACED_KEY "order.placed"
#define DEAD_LETTER_KEY "order.placed.dlq"
#define RESERVED_KEY "inventory.reserved"
#define FAILED_KEY "inventory.failed"
#define CANCELLED_KEY "order.cancelled"
#define RELEASED_KEY "inventory.released"
#define HANDED_OVER_KEY "inventory.handed_over"

/* An exchange, a queue or a binding of the workflow. */
struct topology_part {
    enum { TOPOLOGY_EXCHANGE, TOPOLOGY_QUEUE, TOPOLOGY_BINDING } kind;
    const char *name;        /* of the exchange or queue; of a binding, that of its queue */
    const char *exchange;    /* of a binding; of a queue: its dead letter exchange, or NULL */
    const char *routing_key; /* of a binding; of a queue: that of its dead letters, or NULL */
};

#define TOPOLOGY_PART_COUNT 11 /* without the optional ones */
#define TOPOLOGY_ALL_COUNT 20

/* All parts, in an order in which they can be declared; the optional ones are the last. */
extern const struct topology_part topology_parts[TOPOLOGY_ALL_COUNT];

/* The names of all queues that are not optional, in the order of the workflow; ends with NULL. */
extern const char *const topology_queues[];

/*
 * The names of the queues that a worker of the workflow consumes, and so are expected to become
 * empty; ends with NULL.
 */
extern const char *const topology_work_queues[];

/* Returns whether queue is among topology_work_queues. */
bool topology_is_work_queue(const char *queue);

/*
 * Makes sure that all parts but the optional ones exist; for use in a connection_setup. Uses an
 * exchange or a queue that exists as it is, whatever its settings; declares a missing one, durable,
 * a queue with queue_arguments(); makes all bindings, since they cannot be looked at. Takes one
 * round trip if nothing is missing. Skips parts to which the user has no right. Returns EXIT_OK;
 * otherwise records the reason, as a connection_setup must.
 */
enum exit_code topology_declare(struct connection *connection);

/*
 * Each is topology_declare() with one of the optional queues and its bindings; in this order
 * CANCELLED_QUEUE, OUTCOME_QUEUE, RELEASED_QUEUE.
 */
enum exit_code topology_declare_cancelled(struct connection *connection);
enum exit_code topology_declare_outcomes(struct connection *connection);
enum exit_code topology_declare_released(struct connection *connection);

/*
 * As topology_declare(), together with the optional queues, and their bindings, whose names are
 * among names, which end with NULL. A part to which the user has no right is a failure: EXIT_LOGIN.
 */
enum exit_code topology_declare_strictly(struct connection *connection, const char *const *names);

/*
 * Each makes sure that one exchange (no queue, no binding) exists, for a program that only
 * publishes to it; in this order ORDERS_EXCHANGE, DEAD_LETTER_EXCHANGE, INVENTORY_EXCHANGE.
 * Calls topology_declare() if it is missing. Returns as topology_declare().
 */
enum exit_code topology_declare_orders(struct connection *connection);
enum exit_code topology_declare_dead_letters(struct connection *connection);
enum exit_code topology_declare_inventory(struct connection *connection);

#endif
