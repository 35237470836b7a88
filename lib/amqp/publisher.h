/*
 * publisher: publishes messages, many at a time, and tells the result of each; on a connection of
 * its own.
 *
 * A message is mandatory unless it is said to be optional: one that no queue takes is returned by
 * the broker, and does not count as published although the broker confirms it. The publisher keeps
 * a copy of each message until its result is known, and publishes it again if the connection is
 * lost: a message may reach its queue more than once, and is not lost in between.
 *
 * A broker may object to a message by closing the channel or the connection: the message is too
 * large, its exchange does not exist, its properties are not allowed. The publisher then finds out
 * which message it was by publishing those that were in flight again one by one. That message is
 * refused, with the broker's reason; each of the others may reach its queue twice. This does not
 * count against the attempts to connect.
 *
 * After any other loss of the connection the publisher lets half as many messages be in flight at
 * once, and one more with each result: a network that breaks again and again does not multiply
 * them.
 *
 * A broker that cannot take a message for now says so with basic.nack: a quorum queue has no
 * leader, or a queue is full. Such messages are published again, after pauses that grow up to the
 * delay between attempts to connect, and as often as there are such attempts; every third time at
 * another URL, if there is one. If a confirm does not come within the confirm timeout, the
 * connection counts as lost: a quorum queue that has lost the majority of its nodes says nothing at
 * all.
 */
#ifndef AMQP_PUBLISHER_H
#define AMQP_PUBLISHER_H

#include "amqp/connection.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that a publisher keeps, and may have in flight, at most: they keep a broker busy. */
#define PUBLISHER_WINDOW 1000

struct publisher;

struct message {
    const char *exchange;
    const char *routing_key;
    const amqp_basic_properties_t *properties;
    amqp_bytes_t body;
    bool is_optional; /* it need not reach any queue: nobody may have asked for it */
};

/*
 * What becomes of a message that the broker could not take.
 *
 *   NACKED_GIVES_UP    After the last attempt all functions that wait return EXIT_UNREACHABLE,
 *                      until publisher_forget(); publisher_keep() has no last attempt.
 *   NACKED_IS_SKIPPED  It is PUBLISH_NOT_TAKEN after the last attempt. Others for that exchange and
 *                      routing key then are at once, until the broker takes one of them.
 *   NACKED_IS_FINAL    It is PUBLISH_NOT_TAKEN at once: the caller tries again, and must not wait.
 */
enum publish_nacked { NACKED_GIVES_UP, NACKED_IS_SKIPPED, NACKED_IS_FINAL };

enum publish_result {
    PUBLISH_CONFIRMED,  /* each queue that asks for it has it */
    PUBLISH_UNROUTABLE, /* it was returned: no queue is bound to exchange and routing key */
    PUBLISH_REFUSED,    /* the broker does not take it, now or later */
    PUBLISH_NOT_TAKEN   /* the broker cannot take it for now; not with NACKED_GIVES_UP */
};

struct publisher_settings {
    /* Called on each new connection, before all else; returns as a connection_setup. Or NULL. */
    enum exit_code (*declare)(struct connection *connection);
    /*
     * If messages are returned, a new connection is made on which this is called instead of
     * declare: it also declares the queues and bindings behind the exchange, which declare need not
     * do each time. The messages are published again; one that is returned once more is
     * PUBLISH_UNROUTABLE. If NULL, a returned message is so at once.
     */
    enum exit_code (*repair)(struct connection *connection);
    /*
     * Whether messages go to different exchanges. If so, a lack of rights makes the one message
     * PUBLISH_REFUSED; otherwise the publisher's functions return EXIT_LOGIN.
     */
    bool many_destinations;
    enum publish_nacked nacked;
};

/* ---- life ---- */

/*
 * Makes a publisher, which connects on first use. *settings is copied; options must outlive the
 * publisher. Free it with publisher_free().
 */
struct publisher *publisher_new(const struct broker_options *options,
                                const struct publisher_settings *settings);

/* Closes the connection and frees the publisher with all its messages. Accepts NULL. */
void publisher_free(struct publisher *publisher);

/*
 * Connects, unless the connection is up, and publishes again the messages without a result. Returns
 * EXIT_OK, or what connection_open() returns.
 */
enum exit_code publisher_open(struct publisher *publisher);

/* As publisher_open(), with a single attempt, whose failure is not reported. */
enum exit_code publisher_try(struct publisher *publisher);

/*
 * For a program that must not wait for the broker, in place of publisher_open(): as
 * connection_keep(), and publishes again the messages without a result. Returns whether the
 * connection is up.
 */
bool publisher_keep(struct publisher *publisher);

/*
 * Returns how many messages publisher_send() would publish now without waiting for anything: 0
 * while the connection is down or blocked, while something is published again, or if too much is in
 * flight. The size of messages may allow fewer.
 */
size_t publisher_room(const struct publisher *publisher);

/*
 * Begins to close the connection, without waiting, once no further message is expected. A message
 * that is sent all the same opens another connection.
 */
void publisher_leave(struct publisher *publisher);

/* Returns how often a message that the broker cannot take is published. */
int publisher_attempts(const struct publisher *publisher);

/* Returns the milliseconds from when a message was not taken, attempt times in a row, until it is
 * published again: from 50 up to the delay between attempts to connect. */
int64_t publisher_pause_ms(const struct publisher *publisher, int attempt);

/* Returns the publisher's connection, for connection_wait(). */
struct connection *publisher_connection(struct publisher *publisher);

/* ---- messages ---- */

/*
 * Publishes a copy of message; publisher_next() returns cookie with its result. There must be room:
 * publisher_has_room(). Connects if need be, and waits while the broker has blocked the connection.
 * Returns EXIT_OK, or what publisher_wait() returns: the message is kept then, too, like those
 * before it, and the next call tries again.
 */
enum exit_code publisher_send(struct publisher *publisher, const struct message *message,
                              uint64_t cookie);

/*
 * Returns whether there is room for one more message, by number (PUBLISHER_WINDOW) and by size (16
 * MiB in all). If not, publisher_wait() and publisher_next() make room.
 */
bool publisher_has_room(const struct publisher *publisher);

/* Handles what the broker has sent. Never waits. Notices and reports the loss of the connection. */
void publisher_service(struct publisher *publisher);

/*
 * Waits until the result of the oldest message is known; does nothing if there is no message.
 * Connects and publishes again if the connection is lost meanwhile. Returns EXIT_OK, or what
 * connection_open() returns; EXIT_UNREACHABLE, reported, if no result came within 10 s after a stop
 * was requested.
 */
enum exit_code publisher_wait(struct publisher *publisher);

/* As publisher_wait(), for the results of all messages. */
enum exit_code publisher_wait_all(struct publisher *publisher);

/*
 * Removes the oldest message, in the order of publisher_send(), if its result is known: sets
 * *cookie and *result, and returns true.
 */
bool publisher_next(struct publisher *publisher, uint64_t *cookie, enum publish_result *result);

/*
 * Returns why the last message that publisher_next() has removed without PUBLISH_CONFIRMED was not
 * confirmed; fit to be shown. It lasts until the next such message.
 */
const char *publisher_reason(const struct publisher *publisher);

/* Returns whether publisher_next() has a message to remove. */
bool publisher_has_result(const struct publisher *publisher);

/* Returns the number of messages that publisher_next() has not removed. */
size_t publisher_pending(const struct publisher *publisher);

/* Removes all messages, whatever has become of them. */
void publisher_forget(struct publisher *publisher);

#endif
