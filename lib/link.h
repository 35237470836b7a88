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
#ifndef LINK_H
#define LINK_H

#include "frames.h"
#include "link_options.h"
#include "report.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <stdbool.h>

#define LINK_CHANNEL 1

/*
 * Seconds after which a silent connection is asked for a sign of life, unless the broker wants one sooner; after twice
 * that it is lost.
 */
#define LINK_HEARTBEAT 10

struct link;

/*
 * EXIT_UNREACHABLE means try again; any other code but EXIT_OK is final. Both with link_reply() or
 * link_fault().
 */
typedef enum exit_code link_setup(struct link *link, void *context);

/* A setup that does nothing. */
enum exit_code link_no_setup(struct link *link, void *context);

/* purpose is one word for messages ("publishing"); options and context must outlive the link. */
struct link *link_new(const struct link_options *options, const char *purpose, link_setup *setup,
                      void *context);

/*
 * Closes politely: if that succeeds, the broker has seen all that was sent, acknowledgements among it. False if the link
 * was down already, or was lost over it. It can be opened again.
 */
bool link_close(struct link *link);

/* Asks to be closed, and does not wait for the answer: link_close() does. Until then the link is not up. */
void link_leave(struct link *link);

/* Closes politely, and frees. NULL is harmless. */
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

/* The connection, for rabbitmq-c's calls on LINK_CHANNEL. Only while the link is up. */
amqp_connection_state_t link_connection(struct link *link);

unsigned link_generation(const struct link *link);

/* Has the broker, short of memory or disk, asked that nothing be published? */
bool link_is_blocked(const struct link *link);

/* Something came through: attempts count from the first again. */
void link_progress(struct link *link);

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
 * Publishes a mandatory message on LINK_CHANNEL. It is gathered with others, and on its way at the latest when
 * link_read() or link_wait() is called; after a failure, which was reported, the link is down.
 */
void link_publish(struct link *link, const struct frames_message *message);

/* Gives back the memory of frames read so far. */
void link_release(struct link *link);

/*
 * Waits until the link (which may be NULL or down) has something to read, descriptor (unless -1) is readable
 * or hung up, a stop is asked for, or timeout_ms are over; perhaps less long. The caller has read until
 * LINK_QUIET before.
 */
void link_wait(struct link *link, int descriptor, int timeout_ms);

/* Is descriptor readable, or hung up, now? */
bool link_readable(int descriptor);

/* The outcome of a rabbitmq-c call: EXIT_OK, or the code for what went wrong, noted for link_open(). */
enum exit_code link_reply(struct link *link, amqp_rpc_reply_t reply, const char *what);

/* The same for one that returns a status. */
enum exit_code link_status(struct link *link, int status, const char *what);

/*
 * For a setup that reads frames itself: this one was AMQP_CHANNEL_OPEN_OK_METHOD, which answers to what was asked before
 * the setup began, so that it and what the setup asks share a round trip.
 */
void link_channel_opened(struct link *link);

/* Notes the reason of a failed setup. Returns code. */
enum exit_code link_fault(struct link *link, enum exit_code code, const char *format, ...)
    REPORT_FORMAT(3, 4);

/* Declares the link down, and reports it, for the reason noted last. */
void link_lose(struct link *link);

#endif
