/*
 * database_log: the log of commits of an open database: that it belongs to the file, and is in
 * place; its mark, its sync, and when it is copied into the file.
 *
 * Also here: database_check_files(), database_watch(), database_checkpoint() and
 * database_finish_sync() of database.h. Every function that can fail reports why, with the path,
 * and returns EXIT_STORE.
 */
#ifndef SQLITE_DATABASE_LOG_H
#define SQLITE_DATABASE_LOG_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stdbool.h>

/* Lets database_checkpoint() know of the log, from each commit on. */
void database_follow_log(struct database *database);

/*
 * Sets *belongs to whether the log belongs to the file. Looks at both within one transaction, since
 * others may copy the one into the other.
 */
enum exit_code database_look_at_log(struct database *database, bool *belongs);

/* Returns whether the log is the first of this process and due to be copied, however short it is.
 */
bool database_first_log_is_old(const struct database *database);

/* Within a transaction that writes: draws a new mark if it is the first transaction of a log. */
enum exit_code database_mark_log(struct database *database);

/* Syncs the log. If ahead is true it may go on after the return: database_finish_sync() waits for
 * its end. */
enum exit_code database_sync_log(struct database *database, bool ahead);

#endif
