/*
 * runs: tells runs that are alive from those that have ended, however they ended.
 *
 * A run is one process that has a database open and owns rows in it. It has a number, and holds a
 * lock on the byte at that offset of the file "<database>-runs". The system releases the lock when
 * the process ends: then another run can take over its rows, and never before.
 */
#ifndef SQLITE_RUNS_H
#define SQLITE_RUNS_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stdbool.h>
#include <stdint.h>

struct runs;

/*
 * Starts a run on a database, which all functions but runs_close() need open. Returns EXIT_OK with
 * *runs to be freed by
 * runs_close(); or EXIT_STORE, reported, if the file of locks cannot be opened or locked. A process
 * has at most one run for each database.
 */
enum exit_code runs_open(struct database *database, struct runs **runs);

/* Sets *some to whether any run of the database lives, but for those of this process. Returns
 * EXIT_OK, or EXIT_STORE, reported, if the locks cannot be read. */
enum exit_code runs_some_live(const struct database *database, bool *some);

/* Ends the run and frees it. NULL is harmless. */
void runs_close(struct runs *runs);

/* Returns the number of this run: greater than 0. */
int64_t runs_own(const struct runs *runs);

/* Sets *ended to whether the run of that number has ended; true for 0 and below, which no run has.
 * Returns EXIT_OK, or EXIT_STORE, reported, if the locks cannot be read. */
enum exit_code runs_has_ended(struct runs *runs, int64_t run, bool *ended);

/*
 * Sets *some to whether a run that has ended owns rows of a table. others selects the numbers of
 * the runs that do, but for its parameter 1: this run. Takes no lock, so that what it finds may
 * have changed by the time of runs_take_over(). Returns EXIT_OK, or EXIT_STORE, reported.
 */
enum exit_code runs_left_some(struct runs *runs, sqlite3_stmt *others, bool *some);

/*
 * Makes the rows of all runs that have ended this run's own: take_over does it for parameter 1,
 * this run, and parameter 2, one that has ended. others is as above. To be called within a write
 * transaction, so that of several runs one gets each row. Returns EXIT_OK, or EXIT_STORE, reported.
 */
enum exit_code runs_take_over(struct runs *runs, sqlite3_stmt *others, sqlite3_stmt *take_over);

#endif
