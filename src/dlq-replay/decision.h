/*
 * decision: a letter of a batch, what is to be done with it, and what came of that.
 */
#ifndef DLQ_REPLAY_DECISION_H
#define DLQ_REPLAY_DECISION_H

#include "dead_letter.h"
#include "fate.h"
#include "rules.h"

#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"
#include "message/envelope.h"

#include <stdbool.h>

struct decision {
    struct dead_letter letter;
    struct fate fate;
    bool is_sent;        /* the letter is to be published, rather than only settled */
    bool is_pending;     /* it was published, and not yet confirmed or refused */
    bool is_wrong;       /* it was refused, or left though it was to be sent */
    bool is_not_taken;   /* it was left, since the broker cannot take it for now */
    bool is_sent_enough; /* it was left, since it was sent back max_replays times */
    bool is_no_letter;   /* it was read from a file, and is not an envelope */
    /* The message to be sent: the letter's own, or that of the filter. */
    const amqp_basic_properties_t *properties;
    amqp_bytes_t body;
    struct envelope
        source; /* the letter itself, if it is from a file; otherwise its tree is NULL */
    struct envelope envelope; /* the answer of the filter; its tree is NULL without */
    amqp_pool_t pool;         /* of the envelopes, and of what is sent */
};

/* Starts with a letter of which nothing is known yet, and which is left. The caller frees decision
 * with decision_free(). */
void decision_start(struct decision *decision, const struct replay_rules *rules);

/* The same with a letter from the queue. delivery must outlive decision. */
void decision_of_letter(struct decision *decision, const struct replay_rules *rules,
                        struct delivery *delivery);

/* Returns the body of the letter as it was found. */
amqp_bytes_t decision_body_before(const struct decision *decision);

/* Frees all but the delivery. */
void decision_free(struct decision *decision);

/*
 * Decides what becomes of the letter, in place of an earlier decision, and sets is_sent by it.
 * FATE_REPLAYED adds one to fate.replays; deciding otherwise later takes it off again. reason is
 * copied; "" if there is nothing to say.
 */
void decision_set(struct decision *decision, enum fate_kind kind, const char *reason);

/* As decision_set(), for a letter that is not sent though it was to be: batch_verdict() is then
 * EXIT_REFUSED. */
void decision_fail(struct decision *decision, enum fate_kind kind, const char *reason);

/* Decides that the letter is left, since the broker cannot take it for now: batch_verdict() is then
 * EXIT_UNREACHABLE, unless a letter has failed. */
void decision_postpone(struct decision *decision, const char *reason);

/* Decides that the letter is sent to exchange with routing_key; too long names are cut. */
void decision_set_target(struct decision *decision, const char *exchange, const char *routing_key);

/* Reports a letter whose properties could not be decoded, and decides that it is left: it can
 * neither be published again nor shown as it is. */
void decision_leave_unreadable(struct decision *decision, const struct replay_rules *rules);

/* Notes in the fate how the letter's order has ended, if the ledger knows: the worker will then
 * ignore it. Returns EXIT_OK, or what the ledger's find() returns. */
enum exit_code decision_look_up(struct decision *decision, const struct replay_rules *rules);

/* Returns the fate as a line of JSON (fate_line()), with order_id and error from the body. The
 * caller frees it with free(). */
char *decision_line(struct decision *decision);

#endif
