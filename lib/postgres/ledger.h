/*
 * ledger: an open ledger in PostgreSQL. For the files of the ledger alone: store/ledger.h says what
 * its operations do.
 *
 *   ledger.c           opening, reading outcomes
 *   ledger_claim.c     a decision: what is claimed
 *   ledger_ends.c      a decision: orders that end
 *   ledger_decision.c  a decision: its commit, and what is recorded without one
 *   ledger_held.c      what reserved orders hold
 *   ledger_stock.c     stock levels
 *   ledger_report.c    stock movements
 *   ledger_size.c      how large it is
 *   ledger_look.c      what is owed, for one who only looks
 *
 * A decision is one transaction. It is lost if the connection breaks within it, or if another
 * transaction was in conflict with it. Whether a commit whose answer did not come has happened,
 * nobody knows: the entries that the decision had claimed are in doubt then. A claim that finds one
 * of them owed by this run gives it to the caller, who has not published it yet. All else that this
 * run owes is in the caller's hands.
 */
#ifndef POSTGRES_LEDGER_H
#define POSTGRES_LEDGER_H

#include "postgres/array.h"
#include "postgres/ledger_keys.h"
#include "postgres/runs.h"
#include "postgres/session.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uuid/uuid.h>

struct postgres_ledger {
    struct ledger ledger; /* first, so that a pointer to it points to all of this */
    struct session *session;
    struct run *run;            /* NULL unless LEDGER_DECIDE */
    bool is_deciding;           /* a decision is open, of */
    size_t undecided;           /* so many orders that are LEDGER_NEW */
    bool is_lost;               /* the last call found that the decision is lost */
    struct ledger_keys claimed; /* by this decision */
    struct ledger_keys doubted; /* claimed by decisions that were lost, and not again since */
    uuid_t last_addition;       /* to the stock; null if there was none */
    int64_t swept_up_to;        /* entries up to that key were looked at, to be forgotten; */
    int64_t expired_up_to;      /* and up to this one, whether they have expired */
    struct array arrays[3];     /* memory that is used again: for the parameters of a call, */
    struct array doubts;        /* and for those in doubt */
    struct array marked;        /* keys of events, recorded as sent since the last synced commit */
};

extern const struct session_kind postgres_ledger_kind;

/* SQL: LEDGER_END_KEY, and the number of the order that an event in the outbox is about. */
#define LEDGER_END "4611686018427387904"
#define ORDER_OF_EVENT(seq) "(" seq " & (" LEDGER_END " - 1))"

/* SQL: enum ledger_outcome of a text. */
#define OUTCOME_NUMBER(text)                                                            \
    "(CASE " text " WHEN 'RESERVED' THEN 1 WHEN 'FAILED' THEN 2 WHEN 'RELEASED' THEN 3" \
    " WHEN 'HANDED_OVER' THEN 4 ELSE 5 END)::bigint"

/* Returns the number that owes what this ledger records: 0 for one without a run, which leaves it
 * to others. */
int64_t ledger_own_run(const struct postgres_ledger *ledger);

/* Returns a text of a row, to be freed with free(). */
char *ledger_text_of(const PGresult *result, int row, int column);

/* The same of a context, which is NULL if the row has none. */
char *ledger_trace_of(const PGresult *result, int row, int column);

/* For a session_work: begins a decision, or goes on with it. Returns false if it is lost. */
bool decision_join(struct postgres_ledger *ledger);

/* For the end of a call within a decision, or of one that begins it: returns code or, if the
 * decision is lost, EXIT_PENDING. Without EXIT_OK the decision has ended. */
enum exit_code decision_went(struct postgres_ledger *ledger, enum exit_code code);

/* Within a decision, adds the statement that moves what was moved in levels. */
void ledger_add_moves(struct postgres_ledger *ledger, const struct ledger_level *levels,
                      size_t count);

/* The operations of ledger_claim.c, ledger_ends.c, ledger_held.c, ledger_decision.c,
 * ledger_stock.c and ledger_report.c. */
enum exit_code postgres_ledger_claim(struct ledger *ledger, int64_t at_ms,
                                     struct ledger_claim *claims, size_t count);
enum exit_code postgres_ledger_claim_unsent(struct ledger *ledger, enum ledger_owner owner,
                                            int64_t after, struct ledger_claim *claims, size_t max,
                                            size_t *count);
enum exit_code postgres_ledger_claim_ends(struct ledger *ledger, enum ledger_outcome ending,
                                          struct ledger_end *ends, size_t count);
enum exit_code postgres_ledger_claim_expired(struct ledger *ledger, int64_t before_ms,
                                             struct ledger_end *ends, size_t max, size_t *count,
                                             bool *at_end);
enum exit_code postgres_ledger_each_held(struct ledger *ledger,
                                         void (*visit)(void *context, const char *held),
                                         void *context);
enum exit_code postgres_ledger_count_unnoted(struct ledger *ledger, int64_t *count);
enum exit_code postgres_ledger_commit(struct ledger *ledger, const struct ledger_commit *commit);
void postgres_ledger_abandon(struct ledger *ledger);
enum exit_code postgres_ledger_mark_sent(struct ledger *ledger, const struct ledger_sent *sent);
enum exit_code postgres_ledger_release(struct ledger *ledger);

/* The operation of ledger_size.c. */
bool postgres_ledger_measure(struct ledger *ledger, struct ledger_size *size);

/* A session_work: marks as sent what a server that has crashed may have forgotten of that. */
session_work postgres_ledger_mark_again;

enum exit_code postgres_ledger_levels(struct ledger *ledger, struct ledger_level *levels,
                                      size_t count);
enum exit_code postgres_ledger_set_levels(struct ledger *ledger, struct ledger_level *levels,
                                          size_t count, bool add);
enum exit_code postgres_ledger_remove_level(struct ledger *ledger, struct ledger_level *level);
enum exit_code postgres_ledger_each_report(struct ledger *ledger, int64_t since_ms,
                                           bool (*visit)(void *context,
                                                         const struct ledger_report *report),
                                           void *context);
enum exit_code postgres_ledger_each_level(struct ledger *ledger,
                                          bool (*visit)(void *context,
                                                        const struct ledger_level *level),
                                          void *context);

#endif
