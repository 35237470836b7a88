/*
 * ledger: an open ledger, as the files ledger*.c share it. For them alone: store/ledger.h says what
 * its operations do.
 *
 *   ledger.c           opening, reading outcomes
 *   ledger_schema.c    the tables
 *   ledger_decision.c  a decision: what is claimed, its commit, and what is recorded without one
 *   ledger_ends.c      a decision: orders that end
 *   ledger_held.c      what reserved orders hold
 *   ledger_stock.c     stock levels and movements
 *   ledger_size.c      how large it is
 *   ledger_look.c      what is owed, for one who only looks
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
    struct runs *runs;     /* NULL without a run */
    bool is_deciding;      /* a decision is open, of */
    size_t undecided;      /* so many orders that are LEDGER_NEW */
    int64_t seen_run;      /* of the row that run_has_ended() in SQL had last; 0: none */
    bool seen_ended;       /* whether that run had ended */
    bool sweeps;           /* the next look for orders to forget is not at the first ones, */
    int64_t swept_up_to;   /* but after this one */
    int64_t expired_up_to; /* the next look for expired orders begins after this one */
    char *sku;             /* the last that each_level() or each_report() read */
    sqlite3_stmt *claim;
    sqlite3_stmt *arrive;
    sqlite3_stmt *find;
    sqlite3_stmt *take_over;
    sqlite3_stmt *see_orphan;
    sqlite3_stmt *list_orphans;
    sqlite3_stmt *list_own;
    sqlite3_stmt *owe;
    sqlite3_stmt *owe_together;
    sqlite3_stmt *fail;
    sqlite3_stmt *hold;
    sqlite3_stmt *hold_together;
    sqlite3_stmt *let_go;
    sqlite3_stmt *keep_trace;
    sqlite3_stmt *keep_end_trace;
    sqlite3_stmt *mark_sent;
    sqlite3_stmt *forget;
    sqlite3_stmt *sweep;
    sqlite3_stmt *release;
    sqlite3_stmt *cancel;
    sqlite3_stmt *find_held;
    sqlite3_stmt *end;
    sqlite3_stmt *see_expired;
    sqlite3_stmt *list_expired;
    sqlite3_stmt *next_held;
    sqlite3_stmt *count_unnoted;
    sqlite3_stmt *outcome;
    sqlite3_stmt *any_level;
    sqlite3_stmt *level;
    sqlite3_stmt *next_level;
    sqlite3_stmt *set_level;
    sqlite3_stmt *remove_level;
    sqlite3_stmt *move;
    sqlite3_stmt *next_report;
    sqlite3_stmt *measure; /* NULL until it is wanted */
};

extern const struct database_kind ledger_kind;

/* Each prepares the statements of a file: those of ledger_stock.c for access, the others for a
 * ledger that is not LEDGER_READ. What few programs use is prepared once it is needed. */
enum exit_code ledger_prepare_stock(struct sqlite_ledger *ledger, enum ledger_access access);
enum exit_code ledger_prepare_to_decide(struct sqlite_ledger *ledger);
enum exit_code ledger_prepare_held(struct sqlite_ledger *ledger);

/* Begins a decision, or goes on with it. */
enum exit_code ledger_begin(struct sqlite_ledger *ledger);

/* Moves what was moved in levels. Within a transaction. */
enum exit_code ledger_move_stock(struct sqlite_ledger *ledger, const struct ledger_level *levels,
                                 size_t count);

/* The operations of ledger_stock.c. */
enum exit_code ledger_levels(struct ledger *ledger, struct ledger_level *levels, size_t count);
enum exit_code ledger_set_levels(struct ledger *ledger, struct ledger_level *levels, size_t count,
                                 bool add);
enum exit_code ledger_remove_level(struct ledger *ledger, struct ledger_level *level);
enum exit_code ledger_each_level(struct ledger *ledger,
                                 bool (*visit)(void *context, const struct ledger_level *level),
                                 void *context);
enum exit_code ledger_each_report(struct ledger *ledger, int64_t since_ms,
                                  bool (*visit)(void *context, const struct ledger_report *report),
                                  void *context);

/* The operation of ledger_size.c. */
bool ledger_measure(struct ledger *ledger, struct ledger_size *size);

/* The operations of ledger_held.c. */
enum exit_code ledger_each_held(struct ledger *ledger,
                                void (*visit)(void *context, const char *held), void *context);
enum exit_code ledger_count_unnoted(struct ledger *ledger, int64_t *count);

/* The operations of ledger_ends.c. */
enum exit_code ledger_claim_ends(struct ledger *ledger, enum ledger_outcome end,
                                 struct ledger_end *ends, size_t count);
enum exit_code ledger_claim_expired(struct ledger *ledger, int64_t before_ms,
                                    struct ledger_end *ends, size_t max, size_t *count,
                                    bool *at_end);

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
