/*
 * connection: a connection to the broker, with one channel, that can be opened again and again.
 *
 * A connection has a setup function (declare, subscribe, ask for confirms), which runs each time
 * the connection is opened. The connection goes down when it is lost, when the broker closes it or
 * its channel, or when the broker cancels the subscription; the reason is reported on standard
 * error. The caller then calls connection_open() again, and publishes or settles again what was
 * under way: nothing is repeated here. connection_generation() tells one opening from the next: a
 * delivery tag is valid only within the generation in which it was received.
 *
 * rabbitmq-c sends heartbeats only from within its own calls. connection_wait() and the functions
 * of base/wait.h send them for every connection of the program: a program must not block anywhere
 * else. All connections belong to one thread.
 */
#ifndef AMQP_CONNECTION_H
#define AMQP_CONNECTION_H

#include "amqp/broker_options.h"
#include "amqp/frames.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of the channel. */
#define CONNECTION_CHANNEL 1

/*
 * The heartbeat interval in seconds that is proposed to the broker, which may ask for a shorter
 * one. A connection on which nothing arrives for twice the interval is lost.
 */
#define CONNECTION_HEARTBEAT 10

struct connection;

/*
 * Prepares the channel of a new connection. Returns EXIT_OK; EXIT_UNREACHABLE to have
 * connection_open() try again; or any other code, which connection_open() returns at once. Unless
 * it returns EXIT_OK, it records the reason first, with connection_reply(), connection_status() or
 * connection_fault().
 */
typedef enum exit_code connection_setup(struct connection *connection, void *context);

/* ---- opening and closing ---- */

/*
 * Makes a connection that is down; connection_free() frees it. purpose is one word for messages,
 * such as "publishing"; setup may be NULL. options, purpose and context must outlive it.
 */
struct connection *connection_new(const struct broker_options *options, const char *purpose,
                                  connection_setup *setup, void *context);

/* Closes the connection as connection_close() does, and frees it. Accepts NULL. */
void connection_free(struct connection *connection);

/*
 * Connects if the connection is down. Makes as many attempts as the options say, with their delay
 * in between; each attempt tries all URLs in turn, from the one after that which failed last, or
 * whose connection was lost. Returns EXIT_OK; EXIT_UNREACHABLE when the
 * attempts are used up or a stop is requested; EXIT_LOGIN, EXIT_TOPOLOGY or another code of the
 * setup without further attempts. Reports failures.
 */
enum exit_code connection_open(struct connection *connection);

/*
 * Makes one attempt, without delay, if the connection is down. Returns as connection_open() does,
 * but reports nothing: connection_reason() has the reason.
 */
enum exit_code connection_try(struct connection *connection);

/*
 * For a program that must not wait for the broker: call it again and again, and connection_wait()
 * in between, which then returns when the next call has something to do. If the connection is down,
 * makes attempts as connection_open() does, in a thread of its own and without an end, whatever the
 * reason of the failure, which is reported. The connection counts as down during an attempt.
 * Returns whether it is up.
 *
 * From the first call on, no function but connection_close() and connection_free() waits for the
 * broker: what its socket does not take at once is sent later. With TLS a message of more than some
 * KB may wait all the same; see connection_takes().
 */
bool connection_keep(struct connection *connection);

/* Returns whether the last attempt of connection_keep() that has ended has failed. */
bool connection_has_failed(const struct connection *connection);

/*
 * Sends connection.close without waiting for the answer; connection_close() waits for it. The
 * connection counts as down from then on. Does nothing if the connection is down or blocked: a
 * broker that has blocked a connection does not read from it.
 */
void connection_leave(struct connection *connection);

/*
 * Closes the connection; it can be opened again. Reads and drops whatever the broker still sends.
 * Returns true if the broker has handled all that was sent on the connection, acknowledgements
 * among it. Returns false if it may not have: the connection was down or blocked, or was lost while
 * closing; the broker did not answer within 15 s, or 5 s once a stop is requested; or it closed the
 * channel or the connection or cancelled the subscription first, which is reported.
 */
bool connection_close(struct connection *connection);

/*
 * Takes the connection down, and reports that it is lost. Does nothing if it is down. Record the
 * reason with connection_reply(), connection_status() or connection_fault() first.
 */
void connection_lose(struct connection *connection);

/*
 * As connection_lose(), for a broker that is there and does not do what it should: counts as a
 * failed attempt, however long the connection has lasted.
 */
void connection_lose_useless(struct connection *connection);

/* As connection_lose(), but reports nothing: for a caller that has words of its own. */
void connection_lose_quietly(struct connection *connection);

/* ---- state ---- */

/* Returns whether the connection is open, and was not told to leave. */
bool connection_is_up(const struct connection *connection);

/* Returns whether the broker, short of memory or disk, wants no messages (connection.blocked). */
bool connection_is_blocked(const struct connection *connection);

/* Returns whether the connection, which must be up, takes a message now: always, unless with TLS
 * the socket is full. */
bool connection_takes(const struct connection *connection);

/* Returns a number that grows by one each time the connection is opened; 0 before the first. */
unsigned connection_generation(const struct connection *connection);

/*
 * Returns the reason why the last attempt failed or the connection was lost, fit to be shown. It
 * lasts until the next failure.
 */
const char *connection_reason(const struct connection *connection);

/*
 * Returns "host:port" of the connection, or of the last attempt, fit to be shown. There must have
 * been an attempt.
 */
const char *connection_broker(const struct connection *connection);

/*
 * Returns the size in bytes of the largest frame that may be sent, as agreed with the broker for
 * the last connection. amqp_get_frame_max() returns a larger one, which applies to what is read.
 */
size_t connection_frame_max(const struct connection *connection);

/*
 * Starts counting failed attempts from 0 again. The user of the connection calls it when something
 * was achieved; being connected is not enough, since a connection may be made and lost over and
 * over.
 */
void connection_progress(struct connection *connection);

/* Returns the options that the connection was made with. */
const struct broker_options *connection_options(const struct connection *connection);

/*
 * Returns the version of the broker as 100 times its first number plus its second: 310 for 3.10,
 * 400 for 4.0; 0 if the broker does not tell. The connection must be up, or in its setup.
 */
int connection_broker_version(const struct connection *connection);

/* How a connection has fared since connection_new(). */
struct connection_history {
    const char *purpose;
    bool is_up;
    bool is_blocked;
    unsigned reopened;  /* how often it was opened again */
    int64_t blocked_ms; /* for so long in all the broker wanted no messages on it */
};

/* Calls visit with context for each connection of the program. May be called wherever the program
 * waits. */
void connection_each(void (*visit)(void *context, const struct connection_history *history),
                     void *context);

/* ---- closed by the broker ---- */

/*
 * Returns the reply code with which the broker closed the channel or the connection, if it did so
 * because of something that it was sent; connection_reason() has its text. Returns 0 if the
 * connection is up, or if it was lost or was closed by this program or an operator; also if the
 * reason was final, so that connection_open() will not connect again.
 */
unsigned connection_exception(const struct connection *connection);

/*
 * Returns whether connection_exception() is a code that a broker also gives for troubles of its
 * own: 506 (resource error), 541 (internal error).
 */
bool connection_exception_is_doubtful(const struct connection *connection);

/*
 * Lets connection_open() connect again after the broker closed the connection or the channel for a
 * lack of rights (403, 530), which otherwise is final. For a user whose messages go to different
 * exchanges: the next message may be allowed.
 */
void connection_rights_vary(struct connection *connection);

/*
 * With expected true, the broker's closing of the channel or the connection is left to the caller
 * to report, if it has a connection_exception() that is not doubtful. With false, this module
 * reports every closing again.
 */
void connection_expect_refusal(struct connection *connection, bool expected);

/* ---- reading, publishing, waiting ---- */

enum connection_event {
    CONNECTION_FRAME, /* a frame of the channel was read */
    CONNECTION_QUIET, /* nothing has arrived */
    CONNECTION_DOWN   /* the connection is down, which was reported */
};

/*
 * Reads the next frame that has arrived into *frame. Never waits. The content of the frame is valid
 * until connection_release(). Handles frames that concern the connection as a whole by itself.
 */
enum connection_event connection_read(struct connection *connection, amqp_frame_t *frame);

/* Frees the memory of all frames read and replies received so far. */
void connection_release(struct connection *connection);

/*
 * Publishes a message on CONNECTION_CHANNEL. The message is copied into a buffer, which
 * is sent when it is full, and by connection_read() and connection_wait(). The header must fit:
 * frames_header_size() must not exceed connection_frame_max(). If sending fails, connection_read()
 * first returns what had arrived before, then reports the failure and takes the connection down.
 */
void connection_publish(struct connection *connection, const struct frames_message *message);

/*
 * Waits until the connection (which may be NULL or down) has something to read, descriptor (unless
 * -1) is readable or hung up, a stop is requested, or timeout_ms are over (never, if negative). A
 * stop that was requested before the call does not end the wait: only the other events do. May
 * return sooner, for no visible reason: after 3.3 s at the latest, a third of CONNECTION_HEARTBEAT,
 * or a third of a shorter interval that the broker asked for. Sends what was published on any
 * connection, and flushes the log. Call connection_read() until it returns CONNECTION_QUIET first:
 * what rabbitmq-c has buffered does not end the wait.
 */
void connection_wait(struct connection *connection, int descriptor, int timeout_ms);

/*
 * Makes each connection_wait() of this thread call errand first, for what is due from time to time
 * even while the broker is away or takes no messages. It may report and wait, but must not call a
 * function of this header that opens, closes or waits. NULL ends that.
 */
void connection_on_wait(void (*errand)(void));

/*
 * Lets connection_wait() return by at_ms (monotonic clock), if it waits for this connection and
 * that is up. Replaces the time that was set before; 0 removes it.
 */
void connection_wake_at(struct connection *connection, int64_t at_ms);

/* ---- calling rabbitmq-c ---- */

/*
 * Returns the connection for a call of rabbitmq-c on CONNECTION_CHANNEL. The connection must be up,
 * or in its setup. Ask anew before each call that waits for the broker: if a stop is requested, the
 * socket is shut down STOP_CUT_SECONDS later (stop.h) unless the call's outcome was given to
 * connection_reply() or connection_status(), or its frames were released, by then.
 */
amqp_connection_state_t connection_state(struct connection *connection);

/*
 * Translates the reply to a call of rabbitmq-c. Returns EXIT_OK; otherwise records the reason,
 * which begins with what ("cannot consume"), and returns EXIT_LOGIN for a lack of rights,
 * EXIT_TOPOLOGY for a missing or different exchange or queue, or EXIT_UNREACHABLE: also for a queue
 * that is away, with its node or its leader. Reports nothing.
 */
enum exit_code connection_reply(struct connection *connection, amqp_rpc_reply_t reply,
                                const char *what);

/*
 * Returns whether a reply code and text mean that an exchange or queue does not exist. A queue that
 * exists, but on a node that is down, or that does not answer, is a 404, too.
 */
bool connection_says_missing(uint16_t reply_code, amqp_bytes_t text);

/*
 * Translates the status (AMQP_STATUS_OK or negative) of a call of rabbitmq-c, as connection_reply()
 * does: EXIT_OK, EXIT_LOGIN for a certificate that is not trusted, or EXIT_UNREACHABLE.
 */
enum exit_code connection_status(struct connection *connection, int status, const char *what);

/* Records the reason of a failure, formatted as by printf(). Returns code. */
enum exit_code connection_fault(struct connection *connection, enum exit_code code,
                                const char *format, ...) REPORT_FORMAT(3, 4);

/*
 * Tells the connection that its setup has read channel.open-ok. channel.open is sent, and not
 * waited for, before the setup begins, so that both share a round trip: only a setup that reads
 * frames itself can come upon the answer.
 */
void connection_channel_opened(struct connection *connection);

#endif
