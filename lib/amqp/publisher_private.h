/*
 * publisher_private: what the files of the publisher share. Include publisher.h elsewhere.
 *
 *   publisher.c           its life: connecting, publishing, waiting, and giving out results
 *   publisher_answers.c   what the broker says of messages: confirms, nacks and returns
 *   publisher_patience.c  pauses after a nack, and the time that a confirm may take
 */
#ifndef AMQP_PUBLISHER_PRIVATE_H
#define AMQP_PUBLISHER_PRIVATE_H

#include "amqp/publisher.h"
#include "amqp/publisher_culprit.h"
#include "amqp/publisher_nacks.h"
#include "amqp/publisher_returned.h"
#include "amqp/publisher_window.h"

#include <stdbool.h>
#include <stdint.h>

struct publisher {
    struct connection *connection;
    struct publisher_settings settings;
    struct window window;
    struct culprit culprit;
    struct returned returned;
    struct nacks nacks;
    uint64_t next_tag; /* on the present connection */
    bool some_unsent;  /* messages other than suspects are still to be published */
    bool some_await_repair;
    bool is_repaired;     /* settings.repair was called on this connection */
    bool is_connected;    /* false from when note_loss() has noticed a loss until the next open */
    bool some_nacked;     /* some of those to be published were not taken: they wait */
    bool is_kept;         /* by publisher_keep() */
    bool has_given_up;    /* NACKED_GIVES_UP */
    int64_t resume_ms;    /* monotonic clock, when they are published again; 0: not known yet */
    int64_t blocked_ms;   /* monotonic clock, when the connection was last seen blocked */
    int64_t stop_seen_ms; /* monotonic clock, when a wait first met a stop; 0 if none did */
    char *reason;         /* of the last message given out that was not confirmed; or NULL */
};

/* Notes the result of a message, unless it has one, or waits for the repair that a returned message
 * brings about. reason is copied; NULL if the message was confirmed. */
void publisher_set_result(struct publisher *publisher, struct slot *slot,
                          enum publish_result result, const char *reason);

/* Takes a frame of the channel: a confirm, a nack, or a part of a returned message. */
void publisher_take_frame(struct publisher *publisher, const amqp_frame_t *frame);

/*
 * Returns whether messages that were not taken may be published again: after the pause, which
 * begins once nothing is in flight, so that delivery tags ascend in the window.
 */
bool publisher_may_resume(struct publisher *publisher);

/*
 * Loses a connection on which a confirm is overdue, and lets connection_wait() return when it will
 * be. To be called when all that has arrived was read.
 */
void publisher_check_confirms(struct publisher *publisher);

#endif
