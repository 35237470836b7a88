/*
 * link: one connection to the broker, with one channel, that heals itself.
 *
 * A link is given a setup (declare, subscribe, ask for confirms) that runs each time it connects. When the
 * connection is lost, or the broker closes the channel or cancels the subscription, the link says so on
 * standard error and is down; whoever uses it calls link_open() again and repeats what was under way.
 * generation tells one connection from the next: delivery tags mean nothing beyond the one they came on.
 *
 * rabbitmq-c sends heartbeats only from within its calls. link_wait() keeps all links of the program
 * alive, whichever of them it waits for, and so do the waits of wait.h, once there is a link: a program waits
 * nowhere else.
 */
#ifndef AMQP_LINK_H
#define AMQP_LINK_H

#include "amqp/frames.h"
#include "amqp/link_options.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>

#define LINK_CHANNEL 1

/*
 * Seconds after which a silent connection is asked for a sign of life, unless the broker wants one sooner;
 * after twice that it is lost.
 */
#define LINK_HEARTBEAT 10

struct link;

/*
 * EXIT_UNREACHABLE means try again; any other code but EXIT_OK is final. The reason was noted before, with link_reply(),
 * link_status() or link_fault().
 */
typedef enum exit_code link_setup(struct link *link, void *context);

/* A setup that does nothing. */
enum exit_code link_no_setup(struct link *link, void *context);

/* purpose is one word for messages ("publishing"); options and context must outlive the link. */
struct link *link_new(const struct link_options *options, const char *purpose, link_setup *setup,
                      void *context);

/*
 * Closes the connection. Returns true if the broker has handled all that was sent on it, acknowledgements
 * among it. Reads all that the broker still has to say, and drops it: returns false, and reports the
 * reason, if the broker closed the channel or the connection, or cancelled the subscription, before it
 * agreed, since what reached it after that is thrown away. Returns false, too, if the link was down, was
 * lost, takes no messages (link_is_blocked()), or if the broker does not answer within 15 s, 5 s once a
 * stop was asked for. The link is down afterwards, and can be opened again.
 */
bool link_close(struct link *link);

/*
 * Asks the broker to close the connection. Does not wait for the answer: link_close() does. The link is not
 * up from here on, unless the broker takes no messages: then nothing is asked.
 */
void link_leave(struct link *link);

/* Closes as link_close() does, and frees the link. NULL is harmless. */
void link_free(struct link *link);

/*
 * Connects, if the link is down: as many attempts as the options say, with the delay they say between them,
 * over all URLs in turn. EXIT_UNREACHABLE once they are used up, or if a stop is asked for meanwhile;
 * EXIT_LOGIN, EXIT_TOPOLOGY and others at once.
 */
enum exit_code link_open(struct link *link);

/* One attempt, at once, without a word if it fails. */
enum exit_code link_try(struct link *link);

/* Why the last attempt failed or the last connection was lost: safe to be shown. */
const char *link_reason(const struct link *link);

/* "host:port" of the connection, or of the last attempt: safe to be shown. */
const char *link_broker(const struct link *link);

bool link_is_up(const struct link *link);

/*
 * Returns the connection, for a call of rabbitmq-c on LINK_CHANNEL; only while the link is up. To be asked for anew before
 * each call that waits for the broker: once a stop is asked for, such a call is cut short (stop_cuts(), stop.h).
 */
amqp_connection_state_t link_connection(struct link *link);

unsigned link_generation(const struct link *link);

/*
 * Returns the size in bytes of the largest frame that may be sent, as agreed with the broker for the last
 * connection. amqp_get_frame_max() gives a larger one: what is taken in.
 */
size_t link_frame_max(const struct link *link);

/* Has the broker, short of memory or disk, asked that nothing be published? */
bool link_is_blocked(const struct link *link);

/* Something came through, or is settled otherwise: attempts count from the first again. */
void link_progress(struct link *link);

/*
 * Returns the reply code with which the broker closed the channel or the connection, if it objected to
 * something that it was sent; link_reason() has its text. Returns 0 if the link is up, or went down for
 * another reason: closed by us or by an operator, lost, or for good (the next link_open() fails).
 */
unsigned link_exception(const struct link *link);

/* Is it one that a broker gives for troubles of its own, too: 506, 541? */
bool link_exception_is_doubtful(const struct link *link);

/*
 * Lets the link come back after it was closed for a lack of rights (403, 530), which otherwise is final:
 * with exchanges that differ from message to message, the next one may be allowed.
 */
void link_rights_vary(struct link *link);

/*
 * While expected, closings of which link_exception() tells, and which are not doubtful, are not reported:
 * the caller says what was refused, and why.
 */
void link_expect_refusal(struct link *link, bool expected);

enum link_event {
    LINK_FRAME, /* a frame for the channel; valid until link_release() */
    LINK_QUIET, /* nothing has arrived */
    LINK_DOWN   /* the link is down, which was reported */
};

/*
 * The next frame that has arrived. Never waits. Frames that concern the connection as a whole are dealt
 * with inside.
 */
enum link_event link_read(struct link *link, amqp_frame_t *frame);

/*
 * Publishes a mandatory message on LINK_CHANNEL. It is gathered with others, and on its way at the latest
 * when link_read() or link_wait() is called. Its header must fit: frames_header_size() at most
 * link_frame_max(). A failure to send is reported, and the link down, by link_read(), once it has given out
 * what had arrived before.
 */
void link_publish(struct link *link, const struct frames_message *message);

/* Gives back the memory of frames read so far: what was asked of link_connection() is over. */
void link_release(struct link *link);

/*
 * Waits until the link (which may be NULL or down) has something to read, descriptor (unless -1) is readable
 * or hung up, a stop is asked for, or timeout_ms are over; perhaps less long. The caller has read until
 * LINK_QUIET before.
 */
void link_wait(struct link *link, int descriptor, int timeout_ms);

/* The outcome of a rabbitmq-c call: EXIT_OK, or the code for what went wrong, noted for link_open(). */
enum exit_code link_reply(struct link *link, amqp_rpc_reply_t reply, const char *what);

/* The same for one that returns a status. */
enum exit_code link_status(struct link *link, int status, const char *what);

/*
 * For a setup that reads frames itself: this one was AMQP_CHANNEL_OPEN_OK_METHOD, which answers to what was
 * asked before the setup began, so that it and what the setup asks share a round trip.
 */
void link_channel_opened(struct link *link);

/* Notes the reason of a failed setup. Returns code. */
enum exit_code link_fault(struct link *link, enum exit_code code, const char *format, ...)
    REPORT_FORMAT(3, 4);

/* Declares the link down, and reports it, for the reason noted last. */
void link_lose(struct link *link);

#endif
