/*
 * session_private: the inside of a session. For the files of session alone.
 *
 *   session.c         opening, transactions
 *   session_retry.c   connecting, and doing work again and again
 *   session_schema.c  the tables, and their version
 */
#ifndef POSTGRES_SESSION_PRIVATE_H
#define POSTGRES_SESSION_PRIVATE_H

#include "postgres/address.h"
#include "postgres/attempt.h"
#include "postgres/flight.h"
#include "postgres/runs.h"
#include "postgres/session.h"
#include "store/patience.h"

#include <stdbool.h>
#include <stdint.h>

struct session {
    const struct session_kind *kind;
    enum session_access access;
    struct store_patience patience;
    struct address *address;
    struct attempt *attempt; /* that goes on; otherwise NULL */
    int64_t next_attempt_ms; /* of a call that may not wait, by the monotonic clock */
    struct flight flight;
    bool is_fresh;         /* nothing was done yet over this connection */
    session_work *renewal; /* session_renew_by(), or NULL */
    void *renewal_context;
    bool in_transaction;
    struct run *run;                     /* of the transaction at hand */
    bool is_open;                        /* session_open() has ended */
    bool is_resting;                     /* session_rest() is at work */
    bool is_away;                        /* reported */
    char away_reason[FAULT_REASON_SIZE]; /* why the last attempt to connect has failed */
    bool may_pass;                       /* the last failure */
    bool is_in_doubt;                    /* a commit of a run, by the last session_do() */
};

#define SESSION_ANSWER_MS_SOON 1000 /* for an answer to one that never waits */

/* Fails: fills in the fault. Returns false. */
bool session_fail(struct session *session, enum fault_kind kind, const char *reason);

/* Returns whether no call may wait for the database to come back. */
bool session_never_waits(const struct session *session);

/* A session_work: checks the version of the tables, and makes or upgrades them if that is of use
 * and the session may. */
session_work session_prepare;

#endif
