/*
 * connection: one connection to the broker, with one channel, that heals itself.
 *
 * A connection is given a setup (declare, subscribe, ask for confirms) that runs each time it
 * connects. When the connection is lost, or the broker closes the channel or cancels the
 * subscription, the connection says so on standard error and is down; whoever uses it calls
 * connection_open() again and repeats what was under way. generation tells one connection from the
 * next: delivery tags mean nothing beyond the one they came on.
 *
 * rabbitmq-c sends heartbeats only from within its calls. connection_wait() keeps all connections
 * of the program alive, whichever of them it waits for, and so do the waits of wait.h, once there
 * is a connection: a program waits nowhere else.
 */
#ifndef AMQP_CONNECTION_H
#define AMQP_CONNECTION_H

#include "amqp/broker_options.h"
#include "amqp/frames.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>

#define CONNECTION_CHANNEL 1

/*
 * Seconds after which a silent connection is asked for a sign of life, unless the broker wants one
 * sooner; after twice that it is lost.
 */
#define CONNECTION_HEARTBEAT 10

struct connection;

/*
 * EXIT_UNREACHABLE means try again; any other code but EXIT_OK is final. The reason was noted
 * before, with connection_reply(), connection_status() or connection_fault().
 */
typedef enum exit_code connection_setup(struct connection *connection, void *context);

/* A setup that does nothing. */
enum exit_code connection_no_setup(struct connection *connection, void *context);

/* purpose is one word for messages ("publishing"); options and context must outlive the connection.
 */
struct connection *connection_new(const struct broker_options *options, const char *purpose,
                                  connection_setup *setup, void *context);

/*
 * Closes the connection. Returns true if the broker has handled all that was sent on it,
 * acknowledgements among it. Reads all that the broker still has to say, and drops it: returns
 * false, and reports the reason, if the broker closed the channel or the connection, or cancelled
 * the subscription, before it agreed, since what reached it after that is thrown away. Returns
 * false, too, if the connection was down, was lost, takes no messages (connection_is_blocked()), or
 * if the broker does not answer within 15 s, 5 s once a stop was asked for. The connection is down
 * afterwards, and can be opened again.
 */
bool connection_close(struct connection *connection);

/*
 * Asks the broker to close the connection. Does not wait for the answer: connection_close() does.
 * The connection is not up from here on, unless the broker takes no messages: then nothing is
 * asked.
 */
void connection_leave(struct connection *connection);

/* Closes as connection_close() does, and frees the connection. NULL is harmless. */
void connection_free(struct connection *connection);

/*
 * Connects, if the connection is down: as many attempts as the options say, with the delay they say
 * between them, over all URLs in turn. EXIT_UNREACHABLE once they are used up, or if a stop is
 * asked for meanwhile; EXIT_LOGIN, EXIT_TOPOLOGY and others at once.
 */
enum exit_code connection_open(struct connection *connection);

/* One attempt, at once, without a word if it fails. */
enum exit_code connection_try(struct connection *connection);

/* Why the last attempt failed or the last connection was lost: safe to be shown. */
const char *connection_reason(const struct connection *connection);

/* "host:port" of the connection, or of the last attempt: safe to be shown. */
const char *connection_broker(const struct connection *connection);

bool connection_is_up(const struct connection *connection);

/*
 * Returns the connection, for a call of rabbitmq-c on CONNECTION_CHANNEL; only while the connection
 * is up. To be asked for anew before each call that waits for the broker: once a stop is asked for,
 * such a call is cut short (stop_cuts(), stop.h).
 */
amqp_connection_state_t connection_state(struct connection *connection);

unsigned connection_generation(const struct connection *connection);

/*
 * Returns the size in bytes of the largest frame that may be sent, as agreed with the broker for
 * the last connection. amqp_get_frame_max() gives a larger one: what is taken in.
 */
size_t connection_frame_max(const struct connection *connection);

/* Has the broker, short of memory or disk, asked that nothing be published? */
bool connection_is_blocked(const struct connection *connection);

/* Something came through, or is settled otherwise: attempts count from the first again. */
void connection_progress(struct connection *connection);

/*
 * Returns the reply code with which the broker closed the channel or the connection, if it objected
 * to something that it was sent; connection_reason() has its text. Returns 0 if the connection is
 * up, or went down for another reason: closed by us or by an operator, lost, or for good (the next
 * connection_open() fails).
 */
unsigned connection_exception(const struct connection *connection);

/* Is it one that a broker gives for troubles of its own, too: 506, 541? */
bool connection_exception_is_doubtful(const struct connection *connection);

/*
 * Lets the connection come back after it was closed for a lack of rights (403, 530), which
 * otherwise is final: with exchanges that differ from message to message, the next one may be
 * allowed.
 */
void connection_rights_vary(struct connection *connection);

/*
 * While expected, closings of which connection_exception() tells, and which are not doubtful, are
 * not reported: the caller says what was refused, and why.
 */
void connection_expect_refusal(struct connection *connection, bool expected);

enum connection_event {
    CONNECTION_FRAME, /* a frame for the channel; valid until connection_release() */
    CONNECTION_QUIET, /* nothing has arrived */
    CONNECTION_DOWN   /* the connection is down, which was reported */
};

/*
 * The next frame that has arrived. Never waits. Frames that concern the connection as a whole are
 * dealt with inside.
 */
enum connection_event connection_read(struct connection *connection, amqp_frame_t *frame);

/*
 * Publishes a mandatory message on CONNECTION_CHANNEL. It is gathered with others, and on its way
 * at the latest when connection_read() or connection_wait() is called. Its header must fit:
 * frames_header_size() at most connection_frame_max(). A failure to send is reported, and the
 * connection down, by connection_read(), once it has given out what had arrived before.
 */
void connection_publish(struct connection *connection, const struct frames_message *message);

/* Gives back the memory of frames read so far: what was asked of connection_state() is over. */
void connection_release(struct connection *connection);

/*
 * Waits until the connection (which may be NULL or down) has something to read, descriptor (unless
 * -1) is readable or hung up, a stop is asked for, or timeout_ms are over; perhaps less long. The
 * caller has read until CONNECTION_QUIET before.
 */
void connection_wait(struct connection *connection, int descriptor, int timeout_ms);

/* The outcome of a rabbitmq-c call: EXIT_OK, or the code for what went wrong, noted for
 * connection_open(). */
enum exit_code connection_reply(struct connection *connection, amqp_rpc_reply_t reply,
                                const char *what);

/* The same for one that returns a status. */
enum exit_code connection_status(struct connection *connection, int status, const char *what);

/*
 * For a setup that reads frames itself: this one was AMQP_CHANNEL_OPEN_OK_METHOD, which answers to
 * what was asked before the setup began, so that it and what the setup asks share a round trip.
 */
void connection_channel_opened(struct connection *connection);

/* Notes the reason of a failed setup. Returns code. */
enum exit_code connection_fault(struct connection *connection, enum exit_code code,
                                const char *format, ...) REPORT_FORMAT(3, 4);

/* Declares the connection down, and reports it, for the reason noted last. */
void connection_lose(struct connection *connection);

#endif
