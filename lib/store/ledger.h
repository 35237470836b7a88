/*
 * ledger: what inventory decided about each order, the events that announce it, and the stock.
 *
 * An order has one outcome: reserved or failed. It is recorded together with its event and with the
 * stock that it takes, in one commit, before anybody is told. The event is then owed by the run
 * that recorded it (a run is one execution of inventory-worker), until mark_sent() or commit() is
 * told that the broker has confirmed it. Events of a run that has ended, however it ended, are
 * orphaned: another run claims them, and of several only one gets each.
 *
 * A reserved order ends once: it is released, and what it holds goes back to the stock, or handed
 * over. Its end is recorded like its outcome, with an event of its own. An order that is cancelled
 * before it has come is recorded as that, and fails when it comes.
 *
 * Stock: a level for each sku that has one, in units on hand and units reserved. A sku without a
 * level is not limited. Each change of a level is also booked as a movement, whoever makes it, so
 * that for each sku
 *
 *     put in - taken out = on hand + reserved + handed over
 *     ordered - released = reserved + handed over
 *
 * where the movements are those of all time; those of before the ledger had movements count as one
 * that was put in, and ordered.
 *
 * An open ledger is a struct ledger whose operations are those of an engine; engine/open.h opens
 * one. All operations that can fail return EXIT_OK or EXIT_STORE; a failure was reported, and
 * nothing of the call has happened. Each operation is atomic, except the decision:
 *
 *     claim(), claim_unsent(), claim_ends() or claim_expired(), then levels(), each as often as
 *     needed, then commit() or abandon()
 *
 * which is one transaction. Between the first and the last of them no other operation may be
 * called. A claim that fails ends the transaction by itself, as a commit() that fails does;
 * abandon() is harmless then. After levels() has failed, call abandon(). A decision about stock
 * alone is levels(), each_held(), and commit() or abandon().
 *
 * On a database server the transaction can be lost: with its connection, or because another one
 * was in conflict with it. Then any of these returns EXIT_PENDING, not reported, and the
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
    LEDGER_STOCK,  /* makes the ledger if there is none; a decision may claim_ends(), or
                      nothing */
    LEDGER_READ    /* find(), each_level() and each_report() */
};

enum ledger_outcome {
    LEDGER_UNKNOWN = 0,
    LEDGER_RESERVED = 1,
    LEDGER_FAILED = 2,
    LEDGER_RELEASED = 3,    /* was reserved, and given back */
    LEDGER_HANDED_OVER = 4, /* was reserved, and handed over */
    LEDGER_CANCELLED = 5    /* before it came: it will fail */
};

/* Added to what names an order in an engine: the key of the event of its end. */
#define LEDGER_END_KEY (INT64_C(1) << 62)

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
    enum ledger_outcome outcome; /* LEDGER_UNKNOWN if NEW; if UNSENT, what the event announces */
    char *event;                 /* if UNSENT: to be freed; otherwise NULL */
    char *trace;       /* if UNSENT: the context that the event is to carry, to be freed; or NULL */
    bool is_cancelled; /* if NEW: it was cancelled before it came, and is to fail */
    bool is_logged;    /* if UNSENT: the run that owed it ended in good order, its log written */
};

/* One order whose life in the ledger is to end. */
struct ledger_end {
    const char *order_id;        /* given to claim_ends(); of claim_expired() to be freed */
    enum ledger_outcome outcome; /* before this claim. If RESERVED, commit() ends it */
    int64_t key;                 /* if RESERVED: of the event of its end */
    char *held;    /* if RESERVED: what it holds, as it was recorded, to be freed; NULL: nothing */
    char *trace;   /* if RESERVED: the context of its event, to be freed; or NULL */
    bool is_noted; /* if RESERVED: false if an earlier version of order-tools recorded it, without
                      what it holds */
};

/* What claim_unsent() looks for. */
enum ledger_owner { LEDGER_ORPHANED, LEDGER_OWN };

/* The outcome of an order that is LEDGER_NEW; or the end of one that was claimed for it. */
struct ledger_decision {
    int64_t key;
    enum ledger_outcome outcome;
    const char *event; /* one line of JSON */
    const char *held;  /* if RESERVED: what it holds, any text; NULL: nothing */
    const char *trace; /* the context (trace/context.h) that the event is to carry, or NULL */
};

struct ledger_level {
    const char *sku;
    bool is_limited; /* there is a level; otherwise the numbers are 0 */
    int64_t on_hand;
    int64_t reserved;
    int64_t moved;  /* units that commit() moves from on hand to reserved */
    int64_t handed; /* units that commit() moves from reserved to handed over */
};

/* What has become of an order. */
struct ledger_found {
    enum ledger_outcome outcome;
    int64_t decided_ms; /* since 1970; 0 if it is not known, or was cancelled before it came */
    int64_t ended_ms;   /* if it was released, handed over or cancelled; otherwise 0 */
};

/* A sku in the books: how it stands, and the sums of its movements. */
struct ledger_report {
    struct ledger_level level;
    int64_t put_in;
    int64_t taken_out;
    int64_t ordered; /* by orders that were reserved */
    int64_t released;
    int64_t handed_over;
};

/* What is recorded along with something else, or alone by mark_sent(). */
struct ledger_sent {
    const int64_t *keys; /* of events that were confirmed, ascending as far as possible */
    size_t count;
    int64_t forget_before_ms; /* forget some orders claimed before then; 0: none. Those whose
                                 event is owed are kept, and those that hold something */
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

/* How large a ledger is, and what is owed in it, by whomever. */
struct ledger_size {
    int64_t orders; /* on record: from the first entry to the last, those between them that were
                       forgotten included */
    int64_t bytes;  /* of its tables and indices; without the log of a file */
    int64_t owed;   /* events; LEDGER_OWED_MAX stands for more */
    int64_t oldest_age_ms; /* since the oldest of them was recorded; 0 if nothing is owed */
};

/* So many owed events are counted, at most. */
#define LEDGER_OWED_MAX 10000

struct ledger;

struct ledger_operations {
    /*
     * Claims orders at at_ms (milliseconds since 1970; a database has a clock of its own), and
     * tells how each stands. An order that stands twice in a batch, or was claimed earlier in this
     * transaction, is HANDLED the second time. An orphaned event becomes this run's own: UNSENT.
     * The caller frees each event and trace, after a failure too.
     */
    enum exit_code (*claim)(struct ledger *ledger, int64_t at_ms, struct ledger_claim *claims,
                            size_t count);

    /*
     * Claims up to max events with a key above after, in the order of keys: orphaned ones, or those
     * that this run owes already. *count says how many; with 0 no transaction was begun. The caller
     * frees order_id, event and trace of each, after a failure too.
     */
    enum exit_code (*claim_unsent)(struct ledger *ledger, enum ledger_owner owner, int64_t after,
                                   struct ledger_claim *claims, size_t max, size_t *count);

    /*
     * Claims orders so that they end as RELEASED or HANDED_OVER, and tells how each stands. Those
     * that are RESERVED must be given to commit(), with their key and that end; the others stay as
     * they are. An order that stands twice is already at its end the second time. If end is
     * RELEASED, one that is UNKNOWN is recorded as CANCELLED. The caller frees each held and trace,
     * after a failure too.
     */
    enum exit_code (*claim_ends)(struct ledger *ledger, enum ledger_outcome end,
                                 struct ledger_end *ends, size_t count);

    /*
     * Claims up to max orders that are RESERVED since before before_ms, to end as RELEASED. Looks
     * at some thousand entries, and further on with the next call. *count says how many were found;
     * with 0 no transaction was begun, and *at_end says whether these were the last entries. Not to
     * be called within a decision. The caller frees order_id, held and trace of each, after a
     * failure too.
     */
    enum exit_code (*claim_expired)(struct ledger *ledger, int64_t before_ms,
                                    struct ledger_end *ends, size_t max, size_t *count,
                                    bool *at_end);

    /* Fills in levels, whose sku is given, each sku once; array and skus stay the caller's. No
     * other process changes a level before commit() or abandon(). */
    enum exit_code (*levels)(struct ledger *ledger, struct ledger_level *levels, size_t count);

    /*
     * Calls visit with what is recorded that each RESERVED order holds, in no order; held is valid
     * until visit returns. Orders of earlier versions, which have no such record, are left out. To
     * be called after levels(): units of those levels that no visit has named are not held by any
     * order on record, and stay so until commit() or abandon(). As levels(), call abandon() after a
     * failure.
     */
    enum exit_code (*each_held)(struct ledger *ledger,
                                void (*visit)(void *context, const char *held), void *context);

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

    /* Sets what has become of each order, LEDGER_UNKNOWN if nothing is recorded. */
    enum exit_code (*find)(struct ledger *ledger, const char *const order_ids[],
                           struct ledger_found found[], size_t count);

    /*
     * Gives each sku, each once, the units on hand that the caller has put into on_hand, or, if add
     * is true, so many more (fewer, if negative); the result must be from 0 to STOCK_MAX. What is
     * reserved stays. On EXIT_OK sets on_hand and reserved of each to what the ledger has now. A
     * level whose result would be out of range is not changed in the ledger: its is_limited is
     * false, whatever its numbers are.
     */
    enum exit_code (*set_levels)(struct ledger *ledger, struct ledger_level *levels, size_t count,
                                 bool add);

    /* Removes a level, whose sku is given, unless it has units on hand or reserved. On EXIT_OK sets
     * level to what it was: is_limited is false if there was none. */
    enum exit_code (*remove_level)(struct ledger *ledger, struct ledger_level *level);

    /* Calls visit for each level, sorted by the bytes of the sku, until visit returns false. level
     * is valid until visit returns. */
    enum exit_code (*each_level)(struct ledger *ledger,
                                 bool (*visit)(void *context, const struct ledger_level *level),
                                 void *context);

    /* As each_level(), for each sku in the books, with the movements of the hour of since_ms and
     * later. A sku whose level was removed is there, too. */
    enum exit_code (*each_report)(struct ledger *ledger, int64_t since_ms,
                                  bool (*visit)(void *context, const struct ledger_report *report),
                                  void *context);

    /* Sets *count to how many orders are RESERVED, but were recorded by an earlier version, without
     * what they hold. Reads all entries. */
    enum exit_code (*count_unnoted)(struct ledger *ledger, int64_t *count);

    /* Measures the ledger without reading all of it: some milliseconds. Returns whether it could. A
     * failure is no reason to end: the next call of another operation meets what is behind it. That
     * of a file is reported; a database that is away is not waited for. Not to be called within a
     * decision. */
    bool (*measure)(struct ledger *ledger, struct ledger_size *size);

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
