/*
 * dead_letter: where a dead letter came from, and what is done to its headers when it is moved.
 *
 * The broker writes x-death when it moves a message. A program of ours that moves one writes the
 * same under names that the broker leaves alone, HEADER_QUEUE and so on.
 */
#ifndef MESSAGE_DEATH_H
#define MESSAGE_DEATH_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stdint.h>

#define HEADER_QUEUE "order-tools-queue"
#define HEADER_EXCHANGE "order-tools-exchange"
#define HEADER_ROUTING_KEY "order-tools-routing-key"
#define HEADER_REASON "order-tools-reason"
#define HEADER_TIME "order-tools-time"       /* seconds since 1970 */
#define HEADER_REPLAYS "order-tools-replays" /* how often dlq-replay has sent the message back */
#define HEADER_RUN "order-tools-run"         /* the run of dlq-replay that did so last */
#define HEADER_PARKED "order-tools-parked"   /* why it was parked */

/* The first death of a message. What is not said has a NULL in its bytes, and 0 for a number. */
struct death {
    amqp_bytes_t queue;
    amqp_bytes_t reason;
    amqp_bytes_t exchange;
    amqp_bytes_t routing_key;
    bool has_other_keys; /* it was published by others besides (CC) */
    int64_t count;
    int64_t time; /* seconds since 1970 */
};

/*
 * False if the properties (which may be NULL) say nothing of a death, or not to which exchange and
 * by which key the message was published; death is then empty. Fields point into the properties.
 */
bool death_read(const amqp_basic_properties_t *properties, struct death *death);

/*
 * Returns the queue in which the message died first, which points into the properties; empty if
 * they do not say.
 */
amqp_bytes_t death_queue(const amqp_basic_properties_t *properties);

/*
 * A copy of properties for a message that is moved to the dead letter queue: its headers say death
 * besides. Like the copies below it lasts as long as pool, properties and death, and is without the
 * user_id, which the broker takes from its owner alone, and without CC and BCC, by which it sends
 * copies elsewhere.
 */
amqp_basic_properties_t death_marked(const amqp_basic_properties_t *properties,
                                     const struct death *death, amqp_pool_t *pool);

/*
 * Is this the name of a header that is not the message's own, but is written by the broker into
 * each delivery? It is left out of all copies below.
 */
bool death_is_brokers(amqp_bytes_t header);

/* How often it came back from a consumer of a quorum queue; -1 if the broker does not say. */
int64_t return_count(const amqp_basic_properties_t *properties);

/* How often the message has died, as far as its headers tell. */
int64_t death_count(const amqp_basic_properties_t *properties);

/* How often it was sent back. */
int64_t replay_count(const amqp_basic_properties_t *properties);

/* Was it sent back by that run? Then it has died again meanwhile. */
bool replayed_by(const amqp_basic_properties_t *properties, const char *run);

/*
 * A copy for a message that is sent back: its headers say nothing of the death, count the replay,
 * and name the run, which must outlive the copy like the rest.
 */
amqp_basic_properties_t death_revived(const amqp_basic_properties_t *properties, const char *run,
                                      amqp_pool_t *pool);

/*
 * A copy for a message that is put into a parking queue: its headers say so besides. It has no
 * expiration, as what the broker moves: it stays until somebody looks at it.
 */
amqp_basic_properties_t death_parked(const amqp_basic_properties_t *properties, const char *note,
                                     amqp_pool_t *pool);

/*
 * A copy for a message that goes into one queue, as it is: without the headers CC and BCC, for
 * which the broker would send more copies elsewhere, and without a user_id other than that of user,
 * who is logged in (or NULL).
 */
amqp_basic_properties_t death_restored(const amqp_basic_properties_t *properties, const char *user,
                                       amqp_pool_t *pool);

#endif
