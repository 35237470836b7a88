/*
 * queue_traits: what a queue is like, and whether its messages can be read and given back without
 * changing anything.
 *
 * That cannot be taken for granted:
 *
 *   auto-delete      The queue is deleted with its last consumer, even one that only reads.
 *                    basic.get does not count as a consumer.
 *   delivery limit   In a quorum queue each reading counts as a delivery; beyond the limit the
 *                    broker removes the message.
 *   delayed retry    A message that comes back is kept from all consumers for a while.
 *   stream           basic.get is not possible; a consumer needs an offset.
 *   single active    In a quorum queue with a single active consumer basic.get is not possible,
 *                    and another consumer receives nothing.
 *
 * A passive declare tells none of this; queue_probe.h says how it is found out.
 */
#ifndef AMQP_QUEUE_TRAITS_H
#define AMQP_QUEUE_TRAITS_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>

#define QUEUE_NO_LIMIT (-1)     /* no delivery limit, as far as is known */
#define QUEUE_DEFAULT_LIMIT 20L /* that of quorum queues from RabbitMQ 4.0 on */

/* How messages are to be read. */
enum queue_access {
    QUEUE_BY_GET,      /* by basic.get; by a consumer where that is not possible */
    QUEUE_BY_CONSUMING /* by a consumer */
};

struct queue_traits {
    bool exists;
    enum { QUEUE_TYPE_UNKNOWN, QUEUE_CLASSIC, QUEUE_QUORUM, QUEUE_STREAM } type;
    unsigned ready;     /* messages; see struct queue_depth */
    unsigned consumers; /* the same */
    bool auto_delete;   /* false also if unknown; so are the next two */
    bool single_active;
    bool delays;        /* it has a delayed retry; known from the management API only */
    long limit;         /* deliveries after the first, or QUEUE_NO_LIMIT */
    bool limit_is_sure; /* no policy can set another limit */
    bool api_is_silent; /* the management API has no statistics of it, and so knows no policy */
    long presumed; /* if the type is unknown: the limit, or QUEUE_NO_LIMIT, of a quorum queue */
    /* Why the management API failed to tell the limit, if that matters; or EXIT_OK. */
    enum exit_code limit_fault;
};

/*
 * Finds out what a queue is like, by AMQP alone, which knows nothing of policies. What cannot be
 * found out (the user may not configure the queue, or a name is so long that the broker's answer is
 * cut) is QUEUE_TYPE_UNKNOWN, false or QUEUE_NO_LIMIT.
 *
 * Returns as queue_look() (queue.h), but reports and returns what depth->refused says there; the
 * connection is still up then, and down after any other failure.
 */
enum exit_code queue_traits_read(struct connection *connection, const char *queue,
                                 struct queue_traits *traits);

/* As queue_traits_read(), but finds out only exists, ready and consumers. */
enum exit_code queue_traits_read_depth(struct connection *connection, const char *queue,
                                       struct queue_traits *traits);

/* Sets traits->type from "classic", "quorum" or "stream". Any other name changes nothing. */
void queue_traits_set_type(struct queue_traits *traits, const char *type);

/* Returns whether a broker of that version gives quorum queues QUEUE_DEFAULT_LIMIT by default. */
bool queue_has_default_limit(int major_version);

/*
 * Sets the limit of a quorum queue to the default of the connection's broker, unless is_set: a
 * limit, or that there is none, is set for the queue. Does nothing for other types.
 */
void queue_traits_add_default_limit(struct queue_traits *traits, struct connection *connection,
                                    bool is_set);

/* Returns the limit if it is known, otherwise the presumed one. */
long queue_traits_limit(const struct queue_traits *traits);

/*
 * Decides whether the messages of the queue may be read in that way. Returns EXIT_OK if that
 * changes nothing, as far as is known. Returns EXIT_TOPOLOGY, having reported the reason, if the
 * queue would be deleted, if its messages would be delayed or use up deliveries that are limited,
 * or if it cannot be read in that way; or traits->limit_fault. With force only the last reason
 * counts, and limit_fault does not.
 */
enum exit_code queue_traits_permit(const struct queue_traits *traits, const char *queue,
                                   enum queue_access way, bool force);

#endif
