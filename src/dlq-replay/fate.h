/*
 * fate: what became of a message that somebody moved, as a line of JSON.
 *
 *   {"fate", "queue", "order_id", "exchange", "routing_key", "replays", "error"}
 *
 * and, where there is something to say, number, handled, reason and dry_run.
 */
#ifndef DLQ_REPLAY_FATE_H
#define DLQ_REPLAY_FATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

enum fate_kind {
    FATE_REPLAYED, /* sent back to where it came from */
    FATE_LEFT,     /* where it was */
    FATE_PARKED,   /* put into the parking queue */
    FATE_DROPPED,  /* removed */
    FATE_REFUSED,  /* the broker would not take it; where it was */
    FATE_TAKEN,    /* removed, once it was written out */
    FATE_RESTORED  /* published from a file */
};

#define FATE_NAME_SIZE 256 /* of an exchange, a queue or a key, with its NUL */

struct fate {
    enum fate_kind kind;
    const char *queue;    /* where the message was; NULL: in a file */
    const char *order_id; /* NULL: none; like the other texts the caller's */
    const char *error;    /* what the worker will say to it; NULL: it will take it */
    const char *handled;  /* how the ledger says the order has ended, so that the worker will ignore
                             it; NULL: it does not */
    char exchange[FATE_NAME_SIZE]; /* where it was sent, or was to be sent */
    char routing_key[FATE_NAME_SIZE];
    int64_t replays;  /* how often it has been sent back, this time included */
    uint64_t number;  /* in the input, from 1; 0: it is from the queue */
    char reason[768]; /* why it was left, parked or refused; empty: there is nothing to say */
    bool dry_run;
};

/* To be freed with cJSON_Delete(). */
cJSON *fate_line(const struct fate *fate);

#endif
