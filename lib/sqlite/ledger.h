/*
 * ledger: an open ledger, as the files ledger*.c share it. For them alone: store/ledger.h says what
 * its operations do.
 */
#ifndef SQLITE_LEDGER_H
#define SQLITE_LEDGER_H

#include "sqlite/database.h"
#include "sqlite/runs.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite_ledger {
    struct ledger ledger; /* first, so that a pointer to it points to all of this */
    struct database *database;
    struct runs *runs;   /* NULL without a run */
    bool is_deciding;    /* a decision is open, of */
    size_t undecided;    /* so many orders that are LEDGER_NEW */
    int64_t seen_run;    /* of the row that run_has_ended() in SQL had last; 0: none */
    bool seen_ended;     /* whether that run had ended */
    bool sweeps;         /* the next look for orders to forget is not at the first ones, */
    int64_t swept_up_to; /* but after this one */
    char *sku;           /* the last that each_level() read */
    sqlite3_stmt *claim;
    sqlite3_stmt *find;
    sqlite3_stmt *take_over;
    sqlite3_stmt *see_orphan;
    sqlite3_stmt *list_orphans;
    sqlite3_stmt *list_own;
    sqlite3_stmt *owe;
    sqlite3_stmt *fail;
    sqlite3_stmt *mark_sent;
    sqlite3_stmt *forget;
    sqlite3_stmt *sweep;
    sqlite3_stmt *release;
    sqlite3_stmt *outcome;
    sqlite3_stmt *any_level;
    sqlite3_stmt *level;
    sqlite3_stmt *next_level;
    sqlite3_stmt *set_level;
    sqlite3_stmt *move;
};

extern const struct database_kind ledger_kind;

/* Prepares the statements of ledger_decision.c, for a ledger with a run. */
enum exit_code ledger_prepare_to_decide(struct sqlite_ledger *ledger);

/* Moves what was moved in levels. Within a transaction. */
enum exit_code ledger_move_stock(struct sqlite_ledger *ledger, const struct ledger_level *levels,
                                 size_t count);

/* The operations of ledger_decision.c. */
enum exit_code ledger_claim(struct ledger *ledger, int64_t at_ms, struct ledger_claim *claims,
                            size_t count);
enum exit_code ledger_claim_unsent(struct ledger *ledger, enum ledger_owner owner, int64_t after,
                                   struct ledger_claim *claims, size_t max, size_t *count);
enum exit_code ledger_commit(struct ledger *ledger, const struct ledger_commit *commit);
void ledger_abandon(struct ledger *ledger);
enum exit_code ledger_mark_sent(struct ledger *ledger, const struct ledger_sent *sent);
enum exit_code ledger_release(struct ledger *ledger);

#endif
