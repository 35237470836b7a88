/*
 * rules: how this run handles dead letters.
 */
#ifndef DLQ_REPLAY_RULES_H
#define DLQ_REPLAY_RULES_H

#include "fate.h"

#include "amqp/connection.h"
#include "process/coprocess.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stdint.h>

/* All that it points to stays the caller's. */
struct replay_rules {
    const char *queue;    /* where the letters are */
    const char *to_queue; /* where all of them are to go; NULL: where each came from */
    bool requeues;        /* each is to go into the queue in which it died */
    const char *parking;  /* the queue for letters that are parked; declared if it is missing */
    bool parks;           /* false: letters that would be parked are left */
    bool parks_all;       /* letters are parked, and not sent back */
    int max_replays;      /* a letter that was sent back so often is parked */
    const char *run;      /* names this run: a letter that it has sent back once is left */
    const char *user;     /* the name under which the connections log in, or NULL */
    bool dry_run;         /* nothing is sent or removed */
    long delivery_limit;  /* returns from a consumer before the broker removes a letter; -1: none */
    bool only_looks;      /* nothing is published, not even to save a letter from that limit */
    struct coprocess *filter;   /* decides what is sent; NULL: letters are sent as they are */
    struct ledger *ledger;      /* tells which orders were handled already, or NULL */
    struct connection *looking; /* for passive declares, which cost a channel if they fail */

    /* Private: the exchange that was looked for last, and when, by clock_monotonic_ms(); 0:
     * never. */
    char last_exchange[FATE_NAME_SIZE];
    int64_t last_look_ms;
    bool last_is_there;
    bool parking_is_there;
};

#endif
