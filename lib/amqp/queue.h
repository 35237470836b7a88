/* queue: looks at queues and exchanges (passive declares), and declares a queue that is missing. */
#ifndef AMQP_QUEUE_H
#define AMQP_QUEUE_H

#include "amqp/connection.h"
#include "base/report.h"

#include <stdbool.h>

struct queue_depth {
    bool exists;
    enum exit_code refused; /* EXIT_OK, or why the broker does not let us look; see queue_look() */
    unsigned ready;         /* messages that wait; without those delivered and not acknowledged */
    unsigned consumers;
};

/*
 * Looks at a queue. The connection must be up. Returns EXIT_OK also if the queue does not exist, or
 * if the broker does not let us look: depth->refused is then EXIT_LOGIN (no right to it: it is not
 * known whether it exists), EXIT_TOPOLOGY (it is exclusive to another connection) or
 * EXIT_UNREACHABLE (its node is down), and connection_reason() has the broker's words. After any
 * other failure the connection is down, which was reported: returns EXIT_UNREACHABLE if it can be
 * opened to try again, or another code.
 */
enum exit_code queue_look(struct connection *connection, const char *queue,
                          struct queue_depth *depth);

/*
 * Asks again whether a queue is empty in which queue_look() saw neither messages nor consumers: a
 * quorum queue without a leader looks like that, whatever is in it. Asks for a message (basic.get),
 * and gives it back if one comes. The connection must be up, or in its setup.
 *
 * Returns EXIT_OK, and sets *ready: to 0 also if the broker does not let us get messages, since the
 * first look must do then. Returns EXIT_UNREACHABLE if the queue does not answer: the connection is
 * down then, and connection_reason() has the reason, which is not reported. The connection is also
 * down after EXIT_OK if the queue is a stream. Other codes as queue_look().
 */
enum exit_code queue_ask_again(struct connection *connection, const char *queue, unsigned *ready);

/*
 * Looks at an exchange. Sets *exists, and *refused as queue_look() does depth->refused. The default
 * exchange, "", always exists. Returns as queue_look().
 */
enum exit_code exchange_look(struct connection *connection, const char *exchange, bool *exists,
                             enum exit_code *refused);

/*
 * Declares a durable queue that was missing, with queue_arguments(). Accepts a queue of that name
 * and other settings, which somebody else has declared meanwhile. The connection must be up, or in
 * its setup. Returns EXIT_OK; otherwise records the reason, as a connection_setup must.
 */
enum exit_code queue_declare(struct connection *connection, const char *queue, const char *exchange,
                             const char *routing_key);

/*
 * Declares a durable queue without dead letters, unless there is a queue of that name, whatever its
 * settings. The connection must be up. Returns EXIT_OK; after a failure the connection is down,
 * which was reported: returns EXIT_UNREACHABLE if it can be opened to try again, or another code.
 */
enum exit_code queue_ensure(struct connection *connection, const char *queue);

#endif
