/*
 * fate: what was done with a dead letter, as a line of JSON.
 *
 *   {"fate", "queue", "order_id", "exchange", "routing_key", "replays", "error"}
 *
 * Members without a value to tell are left out: number, queue, handled, reason and dry_run.
 */
#ifndef DLQ_REPLAY_FATE_H
#define DLQ_REPLAY_FATE_H

#include <stdbool.h>
#include <stdint.h>

enum fate_kind {
    FATE_REPLAYED, /* sent back to where it came from */
    FATE_LEFT,     /* stays in its queue */
    FATE_PARKED,   /* moved into the parking queue */
    FATE_DROPPED,  /* removed */
    FATE_REFUSED,  /* stays in its queue: it could not be sent */
    FATE_TAKEN,    /* printed, and removed */
    FATE_RESTORED  /* published from a file */
};

/* Bytes of the name of an exchange, a queue or a key, with its NUL. */
#define FATE_NAME_SIZE 256

struct fate {
    enum fate_kind kind;
    const char *queue;    /* where the letter was; NULL: in a file. The texts are the caller's */
    const char *order_id; /* NULL: it has none */
    const char *error;    /* why the worker will reject it; NULL: it will not */
    const char *handled;  /* how the order has ended, so that the worker will ignore the letter;
                             NULL: unknown */
    char exchange[FATE_NAME_SIZE]; /* where it was sent, or was to be sent */
    char routing_key[FATE_NAME_SIZE];
    int64_t replays;  /* how often it has been sent back, this time included */
    uint64_t number;  /* its place in the file, from 1; 0: it is from the queue */
    char reason[768]; /* why it was left, parked or refused; or empty */
    bool dry_run;     /* nothing was done, only decided */
};

/* Returns fate as a line of JSON, an object, without a line break. The caller frees it with
 * free(). */
char *fate_line(const struct fate *fate);

#endif
