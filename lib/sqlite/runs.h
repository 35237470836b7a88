/*
 * runs: tells the runs of our programs that are alive from those that have ended, however they did.
 *
 * A run is one process that has a database open and leaves work there that is its own. It has a
 * number, and holds a lock on the byte of that number in the file "<database>-runs". The system
 * gives the lock back when the process ends, so that another run can take over what it left, and
 * can never take it from one that lives.
 */
#ifndef SQLITE_RUNS_H
#define SQLITE_RUNS_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stdbool.h>
#include <stdint.h>

struct runs;

/*
 * Starts a run on a database, which must outlive it. Reports and returns EXIT_STORE if the file of
 * locks cannot be opened or locked. Free *runs with runs_close(). A process has at most one run for
 * each database.
 */
enum exit_code runs_open(struct database *database, struct runs **runs);

/* Ends the run. NULL is harmless. */
void runs_close(struct runs *runs);

/* Returns the number of this run: greater than 0. */
int64_t runs_own(const struct runs *runs);

/*
 * Sets *ended to whether a run has ended; the number 0 is that of a run that has. Reports and
 * returns EXIT_STORE if the locks cannot be read.
 */
enum exit_code runs_has_ended(struct runs *runs, int64_t run, bool *ended);

#endif
