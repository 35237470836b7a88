/*
 * death: what the headers of a message tell of its deaths and replays, and the headers that it gets
 * when it is moved on.
 *
 * The broker writes x-death when it moves a message to a dead letter exchange. A program of ours
 * that moves one writes the same under names that the broker leaves alone: HEADER_QUEUE to
 * HEADER_TIME.
 */
#ifndef MESSAGE_DEATH_H
#define MESSAGE_DEATH_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stdint.h>

#define HEADER_QUEUE "order-tools-queue" /* where it died; the next two: how it was published */
#define HEADER_EXCHANGE "order-tools-exchange"
#define HEADER_ROUTING_KEY "order-tools-routing-key"
#define HEADER_REASON "order-tools-reason"
#define HEADER_TIME "order-tools-time"       /* seconds since 1970 */
#define HEADER_REPLAYS "order-tools-replays" /* how often dlq-replay has sent the message back */
#define HEADER_RUN "order-tools-run"         /* the run of dlq-replay that did so last */
#define HEADER_PARKED "order-tools-parked"   /* why it was parked */

/* The first death of a message. Bytes are NULL, and numbers 0, where the headers do not tell. */
struct death {
    amqp_bytes_t queue;
    amqp_bytes_t reason;
    amqp_bytes_t exchange;    /* to which the message was published, */
    amqp_bytes_t routing_key; /* and by which key */
    bool has_other_keys;      /* the message was published by other keys as well (CC) */
    int64_t count;
    int64_t time; /* seconds since 1970 */
};

/* What the headers of a message tell. Bytes point into the headers. */
struct history {
    bool has_death; /* false: death is empty, and the exchange or key of the message unknown */
    struct death death;
    amqp_bytes_t queue; /* where it died first, also if the headers tell no more; or empty */
    int64_t deaths;     /* how often it has died */
    int64_t replays;    /* how often dlq-replay has sent it back */
    int64_t returns;    /* x-delivery-count: how often a quorum queue got it back; or -1 */
    amqp_bytes_t run;   /* the run of dlq-replay that sent it back last; or empty */
};

/*
 * Reads all that the headers tell, in one pass over them. properties may be NULL: then history is
 * that of a message without headers. A value of another type, or a negative count of replays,
 * counts as missing. Anyone may have written the other numbers: they are as they stand.
 */
void history_read(const amqp_basic_properties_t *properties, struct history *history);

/* Return history.replays and history.returns alone. properties may be NULL. */
int64_t replay_count(const amqp_basic_properties_t *properties);
int64_t return_count(const amqp_basic_properties_t *properties);

/*
 * Returns whether the broker writes the header of that name into each delivery, so that it does not
 * belong to the message. No copy below has such a header.
 */
bool death_is_brokers(amqp_bytes_t header);

/*
 * The functions below make the properties with which a message is published again: a copy with
 * other headers; properties themselves are not changed. A copy is valid as long as pool, properties
 * and the other arguments are. It has no CC and BCC, by which the broker would send copies
 * elsewhere, and no user_id, which the broker accepts from that user alone.
 */

/*
 * Returns a copy for a message that is moved to the dead letter queue: its headers tell death,
 * instead of any other, and it has no expiration, as if the broker had moved it.
 */
amqp_basic_properties_t death_marked(const amqp_basic_properties_t *properties,
                                     const struct death *death, amqp_pool_t *pool);

/*
 * Returns a copy for a message that is sent back: its headers tell of no death, count one replay
 * more, and name the run.
 */
amqp_basic_properties_t death_revived(const amqp_basic_properties_t *properties, const char *run,
                                      amqp_pool_t *pool);

/*
 * Returns a copy for a message that is sent into another queue than it came from: as
 * death_revived(), but its headers tell of home as their only death, so that it can still be sent
 * back there.
 */
amqp_basic_properties_t death_diverted(const amqp_basic_properties_t *properties,
                                       const struct death *home, const char *run,
                                       amqp_pool_t *pool);

/*
 * Returns a copy for a message that is put into a parking queue: its headers tell of its deaths as
 * before or, if home is not NULL, of that one as well, and note why it was parked. It has no
 * expiration and is persistent, so that it stays there.
 */
amqp_basic_properties_t death_parked(const amqp_basic_properties_t *properties, const char *note,
                                     const struct death *home, amqp_pool_t *pool);

/*
 * Returns a copy for a message that goes into one queue as it is. It keeps its user_id if that is
 * user, the name under which the connection has logged in; user may be NULL.
 */
amqp_basic_properties_t death_restored(const amqp_basic_properties_t *properties, const char *user,
                                       amqp_pool_t *pool);

#endif
