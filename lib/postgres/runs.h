/*
 * runs: tells runs that are alive from those that have ended, however they ended.
 *
 * A run is one process that has a database open and owns rows in it. It has a number, and a row in
 * order_tools.runs, whose lease a thread renews every RUN_RENEW_MS over a connection of its own. A
 * run whose lease has passed may be ended by any other process, which deletes its row. What names a
 * run without a row there, or with one whose lease has passed, is orphaned: another run of that
 * domain takes it over.
 *
 * A process that was only paused, or cut off, enters its row anew if it was ended, and goes on with
 * what nobody has taken over.
 */
#ifndef POSTGRES_RUNS_H
#define POSTGRES_RUNS_H

#include "postgres/address.h"
#include "postgres/flight.h"

#include <stdbool.h>
#include <stdint.h>

#define RUN_LEASE "interval '30 seconds'"
#define RUN_RENEW_MS 10000
#define RUN_EXTENDED_MS 20000 /* run_extend() */

/* A condition of SQL: the run of that number, an expression, has ended or its lease has passed. */
#define RUN_IS_OVER(number)                                                        \
    "NOT EXISTS (SELECT 1 FROM order_tools.runs living WHERE living.run = " number \
    " AND living.alive_until > now())"

/* SQL that ends all runs whose lease has passed. What refers to one of them is orphaned then. */
#define RUNS_END_EXPIRED "DELETE FROM order_tools.runs WHERE alive_until < now()"

struct run;

/* Makes a run with a new number, drawn at random, which owns rows in the tables of that domain:
 * "orders", "ledger" or "notified". Both arguments must outlive it. */
struct run *run_new(const struct address *address, const char *domain);

/* Frees the run, and stops the thread. NULL is harmless. */
void run_free(struct run *run);

/* Returns the number of the run: greater than 0. */
int64_t run_number(const struct run *run);

/* Returns when a renewal of the lease has failed last, by the monotonic clock; 0: never. Others may
 * not have been able to renew theirs either. */
int64_t run_failed_ms(const struct run *run);

/* Adds a statement that enters the row of the run or, once it is entered, fails with
 * FAULT_RUN_LOST if it is not there, and keeps it from being deleted until the transaction ends. */
void run_enter(struct run *run, struct flight *flight);

/* Adds a statement, after run_enter(), by which the lease lasts for RUN_EXTENDED_MS more at least,
 * from the begin of the transaction on. */
void run_extend(const struct run *run, struct flight *flight);

/* Tells that the transaction was committed: the run is entered. Starts the thread. */
void run_entered(struct run *run);

/* Tells that it is not known whether the run is entered: so it is entered again. */
void run_doubt(struct run *run);

/* Stops the thread, and adds statements that delete the row of the run, if there is one, and of
 * those that ended long ago. Returns whether it has added any. */
bool run_leave(struct run *run, struct flight *flight);

#endif
