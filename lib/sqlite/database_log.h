/*
 * database_log: the write-ahead log of an open database: whether it belongs to the file and is in
 * place, its mark, its sync, and its checkpoints. For the files of database alone.
 *
 * database_check_files(), database_watch(), database_checkpoint() and database_finish_sync() of
 * database.h are implemented here. Every function that returns an exit code returns EXIT_OK, or
 * EXIT_STORE with the reason reported together with the path.
 */
#ifndef SQLITE_DATABASE_LOG_H
#define SQLITE_DATABASE_LOG_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stdbool.h>

/* Makes SQLite tell of the length of the log at each commit: database_checkpoint() goes by it. */
void database_follow_log(struct database *database);

/*
 * Sets *belongs to whether the log belongs to the file. Reads both within one transaction, since
 * other processes may checkpoint meanwhile.
 */
enum exit_code database_look_at_log(struct database *database, bool *belongs);

/* Returns whether the log is the first one of this process, and old enough to be checkpointed,
 * however short it is. */
bool database_first_log_is_old(const struct database *database);

/* Draws a new mark if the transaction is the first of a log. Within a write transaction. */
enum exit_code database_mark_log(struct database *database);

/* Syncs the log. With ahead the sync may go on after the return, and database_finish_sync() waits
 * for its end. */
enum exit_code database_sync_log(struct database *database, bool ahead);

#endif
