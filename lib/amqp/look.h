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
#ifndef AMQP_LOOK_H
#define AMQP_LOOK_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>

#define LOOK_NO_LIMIT (-1)     /* as far as is known: limit_is_sure tells */
#define LOOK_DEFAULT_LIMIT 20L /* of quorum queues, from RabbitMQ 4.0 on */

/* How messages are to be looked at. */
enum look_way {
    LOOK_BY_GET, /* each by basic.get; a stream, and a queue that knows no basic.get, as a consumer
                  */
    LOOK_BY_CONSUMING
};

struct look {
    bool exists;
    enum { LOOK_UNKNOWN, LOOK_CLASSIC, LOOK_QUORUM, LOOK_STREAM } type;
    unsigned ready;
    unsigned consumers;
    bool auto_delete;   /* false also if it is not known */
    bool single_active; /* the same */
    bool delays; /* a message that comes back is kept from everybody for a while; only the API says
                    so */
    long limit;  /* of deliveries after the first, that come back, or LOOK_NO_LIMIT */
    bool limit_is_sure; /* a policy that sets a limit would be known, too */
    long presumed;      /* the limit if it is a quorum queue, when its type is not known; or
                           LOOK_NO_LIMIT */
    /* Why the management API, though asked, does not say; EXIT_OK if it does not matter. */
    enum exit_code limit_fault;
};

/*
 * Finds out what queue is like, by AMQP, which knows nothing of policies (look_management.h does).
 * What cannot be found out (no right to configure the queue, a name so long that the broker's
 * answer is cut) is LOOK_UNKNOWN, false, or LOOK_NO_LIMIT.
 *
 * The connection must be up. Returns EXIT_OK, also if there is no such queue; reported, the code of
 * a queue that the broker does not let us look at (topology_look(): refused), with the connection
 * still up; or, the connection being down, which was reported, EXIT_UNREACHABLE, which means open
 * it and try again.
 */
enum exit_code look_at_queue(struct connection *connection, const char *queue, struct look *look);

/* The same, of exists, ready and consumers alone. */
enum exit_code look_at_depth(struct connection *connection, const char *queue, struct look *look);

/* Notes the type, as RabbitMQ names it. */
void look_set_type(struct look *look, const char *type);

/* Does a quorum queue have LOOK_DEFAULT_LIMIT if nobody has said one, on a broker of that version?
 */
bool look_has_default_limit(int major_version);

/* Notes the limit that a quorum queue has on the connection's broker if nobody has said one. */
void look_add_default_limit(struct look *look, struct connection *connection, bool is_said);

/* Returns the limit to reckon with: the one that is known, or else the one that it has if it is a
 * quorum queue. */
long look_limit(const struct look *look);

/*
 * May its messages be looked at in that way without a change? Returns EXIT_OK, or EXIT_TOPOLOGY,
 * with the reason reported, if the queue would go, if its messages would use up deliveries of which
 * there is a limit, or if it cannot be read in that way; or limit_fault. With force only the last
 * reason counts, and limit_fault does not.
 */
enum exit_code look_permit(const struct look *look, const char *queue, enum look_way way,
                           bool force);

#endif
