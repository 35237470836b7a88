/*
 * look: what a queue is like, and what looking at its messages would do to it.
 *
 * A look must change nothing, which is not a matter of course:
 *
 *   auto-delete     the last consumer that leaves takes the queue along, a looking one too.
 * basic.get is no consumer. delivery limit  each message that is looked at in a quorum queue counts
 * as delivered once more, and beyond the limit the broker removes it. Nobody can look without that.
 *   stream          basic.get is not possible, and a consumer gets nothing without an offset.
 *   delayed retry   what comes back, looked at or not, is out of everybody's reach for a while.
 *   single active   a quorum queue with a single active consumer knows no basic.get, and another
 * consumer gets nothing.
 *
 * A passive declare tells nothing of this. The queue is therefore declared with
 * arguments that it has not got, so that the broker refuses, and says in words what it has. The
 * declaration can never succeed where there is no such queue: one of its arguments is not valid. It
 * needs the right to configure the queue.
 */
#ifndef AMQP_QUEUE_TRAITS_H
#define AMQP_QUEUE_TRAITS_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>

#define QUEUE_NO_LIMIT (-1)     /* as far as is known: limit_is_sure tells */
#define QUEUE_DEFAULT_LIMIT 20L /* of quorum queues, from RabbitMQ 4.0 on */

/* How messages are to be looked at. */
enum queue_access {
    QUEUE_BY_GET, /* each by basic.get; a stream, and a queue that knows no basic.get, as a consumer
                  */
    QUEUE_BY_CONSUMING
};

struct queue_traits {
    bool exists;
    enum { QUEUE_TYPE_UNKNOWN, QUEUE_CLASSIC, QUEUE_QUORUM, QUEUE_STREAM } type;
    unsigned ready;
    unsigned consumers;
    bool auto_delete;   /* false also if it is not known */
    bool single_active; /* the same */
    bool delays; /* a message that comes back is kept from everybody for a while; only the API says
                    so */
    long limit;  /* of deliveries after the first, that come back, or QUEUE_NO_LIMIT */
    bool limit_is_sure; /* a policy that sets a limit would be known, too */
    long presumed;      /* the limit if it is a quorum queue, when its type is not known; or
                           QUEUE_NO_LIMIT */
    /* Why the management API, though asked, does not say; EXIT_OK if it does not matter. */
    enum exit_code limit_fault;
};

/*
 * Finds out what queue is like, by AMQP, which knows nothing of policies (look_management.h does).
 * What cannot be found out (no right to configure the queue, a name so long that the broker's
 * answer is cut) is QUEUE_TYPE_UNKNOWN, false, or QUEUE_NO_LIMIT.
 *
 * The connection must be up. Returns EXIT_OK, also if there is no such queue; reported, the code of
 * a queue that the broker does not let us look at (queue_look(): refused), with the connection
 * still up; or, the connection being down, which was reported, EXIT_UNREACHABLE, which means open
 * it and try again.
 */
enum exit_code queue_traits_read(struct connection *connection, const char *queue,
                                 struct queue_traits *traits);

/* The same, of exists, ready and consumers alone. */
enum exit_code queue_traits_read_depth(struct connection *connection, const char *queue,
                                       struct queue_traits *traits);

/* Notes the type, as RabbitMQ names it. */
void queue_traits_set_type(struct queue_traits *traits, const char *type);

/* Does a quorum queue have QUEUE_DEFAULT_LIMIT if nobody has said one, on a broker of that version?
 */
bool queue_has_default_limit(int major_version);

/* Notes the limit that a quorum queue has on the connection's broker if nobody has said one. */
void queue_traits_add_default_limit(struct queue_traits *traits, struct connection *connection,
                                    bool is_said);

/* Returns the limit to reckon with: the one that is known, or else the one that it has if it is a
 * quorum queue. */
long queue_traits_limit(const struct queue_traits *traits);

/*
 * May its messages be looked at in that way without a change? Returns EXIT_OK, or EXIT_TOPOLOGY,
 * with the reason reported, if the queue would go, if its messages would use up deliveries of which
 * there is a limit, or if it cannot be read in that way; or limit_fault. With force only the last
 * reason counts, and limit_fault does not.
 */
enum exit_code queue_traits_permit(const struct queue_traits *traits, const char *queue,
                                   enum queue_access way, bool force);

#endif
