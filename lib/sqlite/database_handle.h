/*
 * database_handle: the inside of an open database, and what the files of database do for each
 * other. For them alone: all others include database.h.
 *
 * Every function that returns an exit code returns EXIT_OK, or EXIT_STORE with the reason reported
 * together with the path.
 */
#ifndef SQLITE_DATABASE_HANDLE_H
#define SQLITE_DATABASE_HANDLE_H

#include "base/background.h"
#include "base/report.h"
#include "sqlite/database.h"
#include "sqlite/database_files.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Milliseconds to wait for another process that holds the database: per transaction, for all of
 * database_open(), and between two attempts. */
#define DATABASE_BUSY_MS 5000
#define DATABASE_OPEN_MS 30000
#define DATABASE_BUSY_STEP_MS 10

/* The same for a transaction of a process that never waits, and how long another process may hold
 * the database before that is reported. */
#define DATABASE_HASTY_MS 20
#define DATABASE_HASTY_STEP_MS 1
#define DATABASE_LOCKED_MS 1000

/* Of the transaction at hand. That of a log's first, and of database_begin_ahead(), is after its
 * commit; that of database_begin_relaxed() is left to a later one. */
enum sync_due { SYNC_IN_COMMIT, SYNC_AFTER_COMMIT, SYNC_NEVER };

struct database {
    sqlite3 *handle;
    char *path;
    const struct database_kind *kind;
    struct database_files files;
    struct database_header seen; /* the header as the log leaves it */
    sqlite3_stmt *begin;
    sqlite3_stmt *begin_reading;
    sqlite3_stmt *commit;
    sqlite3_stmt *roll_back;
    int64_t opened_ms;
    bool is_opening;
    int64_t busy_since_ms;
    bool never_waits;        /* for another process, when it begins a transaction */
    bool is_hasty;           /* it begins one */
    bool was_locked;         /* when the last one was to begin */
    int64_t locked_since_ms; /* when the first of the last transactions failed to begin; 0: none */
    bool locked_is_told;
    bool is_first_log;
    bool log_has_pages;
    int page_size;    /* set by database_room_open(), like the next */
    int log_fd;       /* otherwise -1 */
    bool log_is_long; /* and due to be checkpointed */
    enum sync_due sync_is_due;
    struct background *sync; /* the sync of the log that goes on; otherwise NULL */
    bool is_ours;            /* opened and checked, and in place when last looked at */
};

/* ---- SQL ---- */

/* Runs SQL. Failures are reported as "cannot <what> '<path>'", here and below. */
enum exit_code database_execute(struct database *database, const char *sql, const char *what);

/* Runs a statement that gives no row. Prepares it first if *statement is NULL; database_close()
 * finalizes it. */
enum exit_code database_step(struct database *database, sqlite3_stmt **statement, const char *sql,
                             const char *what);

/* Sets *number to what a pragma or a query gives. */
enum exit_code database_read_number(struct database *database, const char *pragma, int *number);

/* Sets PRAGMA synchronous to "FULL", "NORMAL" or "OFF". With "FULL" no commit is lost with the
 * power. */
enum exit_code database_synchronize(struct database *database, const char *how);

/* As database_failure(), for the result code of a function that leaves no message with the
 * handle. */
enum exit_code database_failure_of(const struct database *database, const char *what, int result);

/* Notes that a transaction could begin. */
void database_note_unlocked(struct database *database);

/* ---- the log ---- */

/* Makes SQLite tell of the length of the log at each commit: database_checkpoint() goes by it. */
void database_follow_log(struct database *database);

/* Sets *belongs to whether the log belongs to the file. Reads both within one transaction, since
 * other processes may checkpoint meanwhile. */
enum exit_code database_look_at_log(struct database *database, bool *belongs);

/* Returns whether the log is the first one of this process, and old enough to be checkpointed,
 * however short it is. */
bool database_first_log_is_old(const struct database *database);

/* Draws a new mark if the transaction is the first of a log. Within a write transaction. */
enum exit_code database_mark_log(struct database *database);

/* Syncs the log. With ahead the sync may go on after the return, and database_finish_sync() waits
 * for its end. */
enum exit_code database_sync_log(struct database *database, bool ahead);

/* ---- the schema ---- */

/* Sets *version to that of the schema, 0 if the file is empty. Fails if the file is of another kind
 * than the database, or of a later version. Within a transaction. */
enum exit_code database_check_version(struct database *database, int *version);

/* Sets up an empty file as one of the database's kind, or upgrades one of an earlier version, in a
 * transaction of its own. */
enum exit_code database_make_schema(struct database *database);

#endif
