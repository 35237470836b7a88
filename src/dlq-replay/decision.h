/*
 * treatment: what is to be done with a dead letter, and what that comes to.
 *
 * A letter is sent back to the exchange and by the key with which it was published before its first
 * death, unless the rules, or a filter's answer, say otherwise; or parked, once that has been done
 * often enough; or left. A letter whose way would lead back into the queue where it lies is
 * refused, since it would come there without its history.
 */
#ifndef DLQ_REPLAY_DECISION_H
#define DLQ_REPLAY_DECISION_H

#include "dead_letter.h"
#include "fate.h"

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "json/stream.h"
#include "message/envelope.h"
#include "order/order.h"
#include "process/coprocess.h"
#include "store/ledger.h"

#include <stdbool.h>

struct replay_rules {
    const char *queue;    /* where the letters are */
    const char *to_queue; /* where all of them are to go; NULL: where each came from */
    bool requeues;        /* each into the queue in which it died, and no other */
    const char *
        parking; /* a queue, made if it is not there, for those that were sent back often enough; */
    bool parks;  /* unless they are to be left */
    long max_replays; /* that many times is often enough */
    const char *run;  /* the name of this run: what was sent back by it, and died again, is left */
    const char *user; /* who is logged in, or NULL */
    bool dry_run;     /* nothing will be sent */
    long delivery_limit; /* how often a letter may come back from us before the broker removes it;
                            -1: always */
    bool only_looks;     /* nothing is published, even to save a letter from that */
    struct coprocess *filter;   /* asked what is to be sent; NULL: the letters as they are */
    struct ledger *ledger;      /* looked into for orders that were handled already, or NULL */
    struct connection *looking; /* for a look at exchanges */
    char last_exchange[FATE_NAME_SIZE]; /* that was looked at; private, like the rest */
    int64_t last_look_ms;               /* 0: none was */
    bool last_is_there;
    bool parking_is_there;
};

struct replay {
    struct dead_letter letter; /* its delivery is NULL if it was read from a file */
    struct fate fate;
    bool is_sent;      /* to be published, rather than only settled */
    bool is_wrong;     /* it was refused, or left though it was to be sent */
    bool is_no_letter; /* what was read from a file is none */
    const amqp_basic_properties_t
        *properties;          /* of what is to be sent: its own, the filter's, the file's */
    amqp_bytes_t body;        /* the same */
    struct envelope envelope; /* of the filter or the file; its tree is NULL without */
    amqp_pool_t pool;         /* of the envelope, and of what is sent */
    char *order_id;           /* of what is to be sent */
    struct order_fault fault;
};

/* Starts with a letter from the queue, which for the time being is left. */
void replay_of_letter(struct replay *replay, const struct replay_rules *rules,
                      struct delivery *delivery);

/*
 * Starts with a piece of a file: an envelope that is to go into the queue that it names, or into
 * the one of the rules. What is none is reported, and refused.
 */
void replay_of_piece(struct replay *replay, const struct replay_rules *rules,
                     const struct json_piece *piece);

/* The delivery stays the caller's. */
void replay_free(struct replay *replay);

/*
 * Decides: replayed, parked, left, dropped or refused. Any code but EXIT_OK is final, and then
 * nothing is decided.
 */
enum exit_code replay_consider(struct replay *replay, struct replay_rules *rules);

/* Would the broker remove the letter if it came back from us once more? */
bool replay_is_spent(const struct replay *replay, const struct replay_rules *rules);

/*
 * Parks the letter as it is, rather than let it come back; makes the queue for that. False, with
 * *code EXIT_OK, if letters are not to be parked.
 */
bool replay_park(struct replay *replay, struct replay_rules *rules, enum exit_code *code);

/* Notes how the order has ended, if the ledger knows, so that the worker would ignore it. */
enum exit_code replay_look_up(struct replay *replay, const struct replay_rules *rules);

/* False, reported, for a letter that cannot be shown as it is: it is left. */
bool replay_can_be_taken(struct replay *replay, const struct replay_rules *rules);

void replay_decide(struct replay *replay, enum fate_kind kind, const char *reason);

/* It was to be sent, and the broker did not take it. */
void replay_refused(struct replay *replay, const char *reason);

/* It was to be sent, and that has not come about. */
void replay_left(struct replay *replay, const char *reason);

/* What it is to be published with; lasts as long as the treatment. */
amqp_basic_properties_t replay_properties(struct replay *replay, const struct replay_rules *rules);

#endif
