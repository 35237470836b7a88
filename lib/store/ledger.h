/*
 * ledger: what inventory decided about each order, the events that announce it, and the stock.
 *
 * An order has one outcome. It is recorded together with its event and with the stock that it
 * takes, in one commit, before anybody is told. The event is then owed by the run that recorded it
 * (a run is one execution of inventory-worker), until mark_sent() or commit() is told that the
 * broker has confirmed it. Events of a run that has ended, however it ended, are orphaned: another
 * run claims them, and of several only one gets each.
 *
 * Stock: a level for each sku that has one, in units on hand and units reserved. A sku without a
 * level is not limited.
 *
 * An open ledger is a struct ledger whose operations are those of an engine; engine/open.h opens
 * one. All operations that can fail return EXIT_OK or EXIT_STORE; a failure was reported, and
 * nothing of the call has happened. Each operation is atomic, except the decision:
 *
 *     claim() or claim_unsent(), then levels(), each as often as needed, then commit() or abandon()
 *
 * which is one transaction. Between the first and the last of them no other operation may be
 * called. A claim() or claim_unsent() that fails ends the transaction by itself, as a commit() that
 * fails does; abandon() is harmless then. After levels() has failed, call abandon().
 *
 * On a database server the transaction can be lost: with its connection, or because another one
 * was in conflict with it. Then any of these four returns EXIT_PENDING, not reported, and the
 * transaction has ended. Nothing was recorded or, by a commit(), perhaps all: nobody knows. The
 * caller makes the decision again from its first claim on, with the same orders, or closes the
 * ledger. It publishes nothing of the lost one: what that has recorded comes back as LEDGER_UNSENT.
 * All other operations are repeated by the engine itself.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOCK_MAX INT64_C(1000000000000) /* units on hand, at most */

enum ledger_access {
    LEDGER_DECIDE, /* starts a run, which close() ends; makes the ledger if there is none */
    LEDGER_STOCK,  /* set_levels() and each_level(); makes the ledger if there is none */
    LEDGER_READ    /* find() and each_level() */
};

enum ledger_outcome { LEDGER_UNKNOWN = 0, LEDGER_RESERVED = 1, LEDGER_FAILED = 2 };

enum ledger_standing {
    LEDGER_NEW,    /* not known before this transaction: commit() must be given its decision */
    LEDGER_UNSENT, /* decided; its event is owed by this run and to be published by the caller */
    LEDGER_HANDLED /* decided; the event was confirmed, or a run that lives publishes it */
};

/* One order of a claim. */
struct ledger_claim {
    const char *order_id; /* given to claim(); of claim_unsent() to be freed */
    enum ledger_standing standing;
    int64_t key;                 /* names the entry, in the order of recording; unless HANDLED */
    enum ledger_outcome outcome; /* LEDGER_UNKNOWN if NEW */
    char *event;                 /* if UNSENT: to be freed; otherwise NULL */
    bool is_logged; /* if UNSENT: the run that owed it ended in good order, its log written */
};

/* What claim_unsent() looks for. */
enum ledger_owner { LEDGER_ORPHANED, LEDGER_OWN };

/* The outcome of an order that is LEDGER_NEW. */
struct ledger_decision {
    int64_t key;
    enum ledger_outcome outcome;
    const char *event; /* one line of JSON */
};

struct ledger_level {
    const char *sku;
    bool is_limited; /* there is a level; otherwise the numbers are 0 */
    int64_t on_hand;
    int64_t reserved;
    int64_t moved; /* units that commit() moves from on hand to reserved */
};

/* What is recorded along with something else, or alone by mark_sent(). */
struct ledger_sent {
    const int64_t *keys; /* of events that were confirmed, ascending as far as possible */
    size_t count;
    int64_t forget_before_ms; /* forget some orders claimed before then, no event owed; 0: none */
};

/* What a decision comes to. */
struct ledger_commit {
    const struct ledger_decision *decisions;
    size_t decision_count;
    const struct ledger_level *levels; /* as levels() gave them, and moved since */
    size_t level_count;
    struct ledger_sent sent;
    /* Events that this run owes and has in hand, with those decided or claimed now, and bytes in
     * all: marking them as sent must not fail later because the disk has become full. */
    size_t events;
    size_t event_bytes;
};

struct ledger;

struct ledger_operations {
    /*
     * Claims orders at at_ms (milliseconds since 1970; a database has a clock of its own), and
     * tells how each stands. An order that stands twice in a batch, or was claimed earlier in this
     * transaction, is HANDLED the second time. An orphaned event becomes this run's own: UNSENT.
     * The caller frees each event, after a failure too.
     */
    enum exit_code (*claim)(struct ledger *ledger, int64_t at_ms, struct ledger_claim *claims,
                            size_t count);

    /*
     * Claims up to max events with a key above after, in the order of keys: orphaned ones, or those
     * that this run owes already. *count says how many; with 0 no transaction was begun. The caller
     * frees order_id and event of each, after a failure too.
     */
    enum exit_code (*claim_unsent)(struct ledger *ledger, enum ledger_owner owner, int64_t after,
                                   struct ledger_claim *claims, size_t max, size_t *count);

    /* Fills in levels, whose sku is given, each sku once; array and skus stay the caller's. No
     * other process changes a level before commit() or abandon(). */
    enum exit_code (*levels)(struct ledger *ledger, struct ledger_level *levels, size_t count);

    /* Records a decision. On EXIT_OK all of it is on disk; otherwise it is abandoned or, after
     * EXIT_PENDING, to be made again. */
    enum exit_code (*commit)(struct ledger *ledger, const struct ledger_commit *commit);

    /* Ends a decision of which nothing is to be recorded. */
    void (*abandon)(struct ledger *ledger);

    /*
     * Records that events were confirmed. Not synced: it survives a kill, but a loss of power only
     * once something was committed after it. Otherwise the events are owed again, and go out again.
     */
    enum exit_code (*mark_sent)(struct ledger *ledger, const struct ledger_sent *sent);

    /* Orphans all that this run owes, as logged: the log must be written. Not synced either. */
    enum exit_code (*release)(struct ledger *ledger);

    /* Sets each outcome to that of the order, LEDGER_UNKNOWN if none is recorded. */
    enum exit_code (*find)(struct ledger *ledger, const char *const order_ids[],
                           enum ledger_outcome outcomes[], size_t count);

    /*
     * Gives each sku, each once, the units on hand that the caller has put into on_hand, or, if add
     * is true, so many more (fewer, if negative); the result must be from 0 to STOCK_MAX. What is
     * reserved stays. On EXIT_OK sets on_hand and reserved of each to what the ledger has now. A
     * level whose result would be out of range is not changed in the ledger: its is_limited is
     * false, whatever its numbers are.
     */
    enum exit_code (*set_levels)(struct ledger *ledger, struct ledger_level *levels, size_t count,
                                 bool add);

    /* Calls visit for each level, sorted by the bytes of the sku, until visit returns false. level
     * is valid until visit returns. */
    enum exit_code (*each_level)(struct ledger *ledger,
                                 bool (*visit)(void *context, const struct ledger_level *level),
                                 void *context);

    /* Sets *is_worked to whether a run has the ledger open to decide. */
    enum exit_code (*is_worked)(struct ledger *ledger, bool *is_worked);

    /* Returns whether the last failure may pass: the database is away. */
    bool (*may_pass)(const struct ledger *ledger);

    /* Upkeep, for a moment when nobody waits for what was committed last: some milliseconds. */
    void (*idle)(struct ledger *ledger);

    /* Frees the ledger and ends its run. What the run owes is orphaned. */
    void (*close)(struct ledger *ledger);
};

struct ledger {
    const struct ledger_operations *operations;
};

/* What is owed, by whomever. */
struct ledger_outbox {
    int64_t count;
    int64_t oldest_age_ms; /* since the oldest was recorded; 0 if nothing is owed */
};

/* What came of looking at a ledger. */
enum ledger_look { LEDGER_SEEN, LEDGER_ABSENT, LEDGER_UNREADABLE };

/* Bytes of a text that says why a ledger cannot be looked at. */
#define LEDGER_REASON_SIZE 1100

#endif
