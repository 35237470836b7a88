/*
 * notices: which orders' customers have been told, on disk, so that nobody is told twice.
 *
 * Whoever is going to tell has claimed the order before. A claim has a number, is of one run of a
 * program (runs.h), and may be of many orders. While it stands, its orders are being told or, if
 * its run has ended, may have been: nobody knows. Once it is settled they are told. An order that
 * was not told after all is released before that.
 *
 * Functions that can fail report why and give EXIT_STORE. The file is $NOTIFY_LEDGER.
 */
#ifndef STORE_NOTIFIED_H
#define STORE_NOTIFIED_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notified;

/* An order that was begun to be told max_attempts times, and is not known to be told, is not
 * claimed once more. */
enum exit_code notified_open(int max_attempts, struct notified **notices);
void notified_close(struct notified *notices);

/*
 * Between the two: all functions below but notified_checkpoint() and notified_is_locked(). Nothing
 * has happened until commit gives EXIT_OK. orders is how many are to be claimed at most: commits
 * only if the disk has room for that, and for a second transaction that settles or releases them.
 * With 0 it is that second transaction.
 */
enum exit_code notified_begin(struct notified *notices, size_t orders);
enum exit_code notified_commit(struct notified *notices);

/*
 * Rolls back, after code. Returns code or, if that is EXIT_OK, whether what was found may be acted
 * upon: EXIT_STORE, reported, if the file is no longer the one that was opened.
 */
enum exit_code notified_end_reading(struct notified *notices, enum exit_code code);

/* Once what was committed has been told: see database_checkpoint(). */
void notified_checkpoint(struct notified *notices);

/* Has the last that failed done so because another process held the file for too long? */
bool notified_is_locked(const struct notified *notices);

/* Makes a claim of this run, of no order so far. */
enum exit_code notified_new_claim(struct notified *notices, int64_t *claim);

enum standing {
    STANDING_CLAIMED,  /* by this claim, just now */
    STANDING_IN_DOUBT, /* the same, after a run that has ended and has not said what became of it */
    STANDING_SPENT,    /* the same, but it is not to be told: it was begun too often */
    STANDING_OURS,     /* by this claim before: a second copy */
    STANDING_OTHERS,   /* by a run that lives */
    STANDING_TOLD
};

/* Claims an order, if that can be. *attempt says how many times it was begun to be told, with the
 * one that begins now. */
enum exit_code notified_claim(struct notified *notices, const char *order_id, int64_t claim,
                              int64_t at_ms, enum standing *standing, int *attempt);

/* The order is claimed no longer, and was begun to be told only so many times, of which none is
 * known to have succeeded. */
enum exit_code notified_release(struct notified *notices, const char *order_id, int attempts);

/* Nothing is known of the order any more. */
enum exit_code notified_forget(struct notified *notices, const char *order_id);

/* What the claim still has is told. */
enum exit_code notified_done(struct notified *notices, int64_t claim);

#endif
