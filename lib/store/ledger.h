/*
 * ledger: what inventory has decided, on disk before anyone is told: one outcome for each order,
 * and the events owed.
 *
 * The outcome and the event that announces it are recorded in one transaction. The event is owed,
 * by the run (runs.h) of the program that recorded it, until the broker has confirmed it. So
 * whoever meets the order again knows what was decided, and whether that was said. What a run owes
 * that has ended, however it did, is orphaned: any other run may claim it, and only one can.
 *
 * And the stock: for each sku that has a level, what is on hand and what is reserved. A sku without
 * one is not limited.
 *
 * Functions that can fail report why and give EXIT_STORE. The file is $INVENTORY_LEDGER.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

enum ledger_outcome { LEDGER_RESERVED = 1, LEDGER_FAILED = 2 };

struct ledger_entry {
    int64_t seq; /* ascends in the order of recording */
    enum ledger_outcome outcome;
    const char *order_id;     /* valid until the next call, like unsent_event */
    const char *unsent_event; /* NULL if it was confirmed */
    bool is_orphaned;         /* owed by a run that has ended; false without ledger_start_run() */
    bool is_logged;           /* by a run that ended in good order: the log has the decision */
};

enum exit_code ledger_open(struct ledger **ledger);

/* The ledger in the file path, which must be there, for the functions that only read. */
enum exit_code ledger_open_to_read(struct ledger **ledger, const char *path);
void ledger_close(struct ledger *ledger);

/*
 * Starts a run, which ends with ledger_close(): needed for ledger_record() and all that is about
 * orphans. Reports and returns EXIT_STORE if the file of locks cannot be used.
 */
enum exit_code ledger_start_run(struct ledger *ledger);

/*
 * Between the two: all functions below that change something, but ledger_checkpoint(). Those that
 * only read may be called outside, too. Nothing has happened until commit gives EXIT_OK.
 */
enum exit_code ledger_begin(struct ledger *ledger);
/* The same for settling and releasing alone: after a loss of power an event may be owed again, and
 * is sent again. */
enum exit_code ledger_begin_relaxed(struct ledger *ledger);

/*
 * Within a transaction that records or claims, after all of that: makes sure that the disk has room
 * for settling and releasing so many events, of so many bytes in all, later. So a disk that becomes
 * full is noticed before an event is published. Another process that writes to the ledger may use
 * the room up.
 */
enum exit_code ledger_reserve_room(struct ledger *ledger, size_t events, size_t bytes);

enum exit_code ledger_commit(struct ledger *ledger);
void ledger_roll_back(struct ledger *ledger);

/* Once what was committed has been published or told: see database_checkpoint(). */
void ledger_checkpoint(struct ledger *ledger);

/* What is known of an order. */
enum exit_code ledger_find(struct ledger *ledger, const char *order_id, struct ledger_entry *entry,
                           bool *found);

/* Records the outcome of an order that ledger_find() did not find, and the event that is owed. */
enum exit_code ledger_record(struct ledger *ledger, const char *order_id,
                             enum ledger_outcome outcome, int64_t at_ms, const char *event,
                             int64_t *seq);

/* The event was confirmed: owed no longer. */
enum exit_code ledger_mark_sent(struct ledger *ledger, int64_t seq);

/*
 * Looks at max orders, and forgets those that were handled before that time, except those whose
 * event is owed. Looks by turns at the first and at others, so that repeated calls come to all of
 * them. A copy of a forgotten order that still comes would be handled as a new one.
 */
enum exit_code ledger_forget(struct ledger *ledger, int64_t before_ms, int max);

/*
 * Lists orphaned events, at most max of them, in the order of recording. Outside of a transaction
 * it takes no lock: whoever claims one looks at it again, with ledger_find_unsent(), within one.
 */
enum exit_code ledger_list_orphans(struct ledger *ledger, int64_t seqs[], size_t max,
                                   size_t *count);

/* Lists in the same way what this run owes, after the entry of that seq. */
enum exit_code ledger_list_own(struct ledger *ledger, int64_t after, int64_t seqs[], size_t max,
                               size_t *count);

/* Reads an entry whose event is owed. *found is false if there is none, or it is owed no longer. */
enum exit_code ledger_find_unsent(struct ledger *ledger, int64_t seq, struct ledger_entry *entry,
                                  bool *found);

/* Makes this run the one that owes an event, which must be orphaned. */
enum exit_code ledger_claim(struct ledger *ledger, int64_t seq);

/* Orphans all that this run owes, with is_logged. Its log must be written. */
enum exit_code ledger_release(struct ledger *ledger);

/* What is owed, by whomever. */
struct ledger_outbox {
    int64_t count;
    int64_t oldest_ms; /* when the oldest was recorded; 0 if nothing is owed */
};

#define LEDGER_REASON_SIZE 1100

/*
 * Looks into the file of a ledger, of this or another version of its schema, while others may be
 * using it. Makes and changes nothing. Returns false, with the reason as text that is safe to be
 * shown, if it cannot be read.
 */
bool ledger_look(const char *path, struct ledger_outbox *debt, char reason[LEDGER_REASON_SIZE]);

/* Returns the path of the ledger that ledger_open() would open, to be freed; NULL if there is no
 * such file. */
char *ledger_place(void);

#define STOCK_MAX INT64_C(1000000000000)

struct stock_level {
    const char *sku; /* valid until the next call */
    int64_t on_hand;
    int64_t reserved;
};

/* Is there any sku with a level? */
enum exit_code ledger_has_stock(struct ledger *ledger, bool *any);

enum exit_code ledger_stock(struct ledger *ledger, const char *sku, struct stock_level *level,
                            bool *found);

/* The first level whose sku sorts after that one, by its bytes. */
enum exit_code ledger_next_stock(struct ledger *ledger, const char *after,
                                 struct stock_level *level, bool *found);

/* Gives a sku so many on hand, 0 to STOCK_MAX; what is reserved stays so. */
enum exit_code ledger_set_stock(struct ledger *ledger, const char *sku, int64_t on_hand);

/* Moves so many of a sku that has a level from on hand to reserved. There must be enough. */
enum exit_code ledger_reserve_stock(struct ledger *ledger, const char *sku, int64_t quantity);

#endif
