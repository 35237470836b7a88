/*
 * publisher: messages published in a window, each confirmed by the broker or not, on a connection
 * of its own.
 *
 * Every message is mandatory: one that no queue takes comes back, and is not taken for published
 * only because the broker confirms it. A message is kept until its fate is known; when the
 * connection is lost it is published again on the next one. So a message may reach its queue more
 * than once, and is never lost in between.
 *
 * A broker may object to a message by closing the channel or the connection: it is too large, its
 * exchange is gone, its properties are not allowed. Then all that was on its way is published again
 * one message at a time, and the culprit is settled as refused, with the broker's reason. Of the
 * others, those that were on their way at that moment may reach their queues twice. This costs no
 * attempt and no pause of the options.
 *
 * After a connection is lost in any other way, half as many messages as before are on their way at
 * once, and one more with each that is confirmed: a way that is cut again and again does not
 * multiply them.
 */
#ifndef AMQP_PUBLISHER_H
#define AMQP_PUBLISHER_H

#include "amqp/connection.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages on their way at once, at most: enough to keep a broker busy, few enough to be kept in
 * memory. */
#define PUBLISHER_WINDOW 1000

struct publisher;

struct message {
    const char *exchange;
    const char *routing_key;
    const amqp_basic_properties_t *properties;
    amqp_bytes_t body;
};

enum publish_result {
    PUBLISH_CONFIRMED,  /* a queue has it */
    PUBLISH_UNROUTABLE, /* no queue is bound where it was sent */
    PUBLISH_REFUSED     /* the broker could not take it, or would not */
};

struct publisher_settings {
    /* Called on each new connection, before anything is published. Returns as a connection_setup.
     * May be NULL. */
    enum exit_code (*declare)(struct connection *connection);
    /*
     * Called instead of declare on a new connection after messages came back because no queue took
     * them: declares all that is behind the exchange, so that this need not be looked at each time.
     * The messages are then published again, and are unroutable if they come back once more. If it
     * is NULL they are so at once.
     */
    enum exit_code (*repair)(struct connection *connection);
    /*
     * Messages go to exchanges that differ, so a lack of rights is one message's: refused.
     * Otherwise it is everybody's, and ends the publisher with EXIT_LOGIN.
     */
    bool many_destinations;
};

/* Returns a publisher that connects on first use. options must outlive it. */
struct publisher *publisher_new(const struct broker_options *options,
                                const struct publisher_settings *settings);
void publisher_free(struct publisher *publisher);

/* Connects now. EXIT_OK, or what connection_open() gives. */
enum exit_code publisher_open(struct publisher *publisher);

/* One attempt to connect, at once and silently. */
enum exit_code publisher_try(struct publisher *publisher);

/*
 * Publishes a copy of message; cookie comes back with its fate. Waits while the broker is blocked,
 * and connects if need be. There must be room: publisher_has_room(). Any code but EXIT_OK is
 * connection_open()'s: the message is kept, like those before it, and the next call tries again.
 */
enum exit_code publisher_send(struct publisher *publisher, const struct message *message,
                              uint64_t cookie);

/*
 * Takes in what the broker has said. Never waits. If the connection is lost, that is noticed and
 * reported here.
 */
void publisher_service(struct publisher *publisher);

/*
 * Waits until the fate of the oldest message is known. Codes as above; after a stop was asked for,
 * at most 10 s.
 */
enum exit_code publisher_wait(struct publisher *publisher);

/* The same for all that was sent. */
enum exit_code publisher_wait_all(struct publisher *publisher);

/* The oldest message, in the order of publisher_send(), if its fate is known: then it is forgotten.
 */
bool publisher_next(struct publisher *publisher, uint64_t *cookie, enum publish_result *fate);

/*
 * False while the window is full, of messages or of bytes: then publisher_wait() and
 * publisher_next() make room.
 */
bool publisher_has_room(const struct publisher *publisher);

/* Messages whose fate was not yet given out by publisher_next(). */
size_t publisher_pending(const struct publisher *publisher);

/* Forgets all messages, whatever their fate. */
void publisher_forget(struct publisher *publisher);

/*
 * No message will come any more, most likely: the connection begins to be closed. One that comes
 * opens another.
 */
void publisher_leave(struct publisher *publisher);

/* For connection_wait(). */
struct connection *publisher_connection(struct publisher *publisher);

/*
 * Returns why the last message given out by publisher_next() that was not confirmed was not: safe
 * to be shown.
 */
const char *publisher_reason(const struct publisher *publisher);

/* Fills in the properties of an event of ours; the texts must outlive them. message_id is as in
 * uuid.h. */
void event_properties(amqp_basic_properties_t *properties, const char *event_type,
                      const char *order_id, const char *message_id);

#endif
