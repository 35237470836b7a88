/*
 * database: an SQLite file of ours: opened with care, synced at every commit, with its schema's
 * version checked.
 *
 * Every function that can fail reports why, with the path, and gives EXIT_STORE.
 */
#ifndef SQLITE_DATABASE_H
#define SQLITE_DATABASE_H

#include "base/report.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct database;

struct database_kind {
    const char *variable; /* of the environment, that names the file */
    const char *file;     /* its name under $XDG_STATE_HOME/order-tools/ otherwise */
    const char *schema;   /* SQL that makes an empty database ours */
    const char *const
        *upgrades;   /* SQL from version 1 to 2, from 2 to 3...; NULL if there is only version 1 */
    int application; /* PRAGMA application_id: tells our files from others */
    int version;     /* of the schema: 1 to 255 */
};

/* Returns the path of the file that kind names, to be freed; NULL if nothing in the environment
 * says where it is. */
char *database_place(const struct database_kind *kind);

enum database_access { DATABASE_CREATE, DATABASE_READ };

/*
 * Opens the file: path or, if that is NULL, the one that kind names. With DATABASE_CREATE, makes it
 * and its folder if they are not there, private to their owner; made by root, the file gets the
 * owner of its folder. A file of an earlier version is brought up to date, in one transaction.
 * Waits up to 30 s for another process that holds it, or sets it up, and then up to 5 s for each
 * transaction. Refuses a log of commits that was written for another file: see database_files.h.
 */
enum exit_code database_open(const struct database_kind *kind, const char *path,
                             enum database_access access, struct database **database);

/*
 * The last of all processes to close it copies the log of commits into the file, synced, and
 * removes the log: what is left is the one file. NULL is harmless.
 */
void database_close(struct database *database);

/* Takes the right to write at once, so that what is read within is still true at the commit. */
enum exit_code database_begin(struct database *database);

/*
 * The same for what may be known later: committed, it outlives this process, but a loss of power
 * only when something else was committed after it.
 */
enum exit_code database_begin_relaxed(struct database *database);

/*
 * Ends the transaction. On EXIT_OK all of it is on disk, in files that stand under their names: see
 * database_check_files(). Otherwise the transaction is over, and nobody may be told of it.
 */
enum exit_code database_commit(struct database *database);

/*
 * As database_commit(), but the disk may still be at it: on EXIT_OK it is known only after
 * database_finish_sync(). In between the database is not to be used.
 */
enum exit_code database_commit_ahead(struct database *database);

/* Waits for the disk after database_commit_ahead(). On EXIT_OK all that was committed is on it. */
enum exit_code database_finish_sync(struct database *database);

void database_roll_back(struct database *database);

/*
 * Reports and returns EXIT_STORE if the database, its log or the index of the log was removed or
 * replaced since it was opened, or is a copy of another time. To be called outside transactions,
 * before anything that was read is told; database_commit() does it. Costs four or five system
 * calls.
 */
enum exit_code database_check_files(struct database *database);

/* Makes database_check_files() look after one more file, which stands under that name now. */
void database_watch(struct database *database, const char *path);

/*
 * Copies the log of commits into the file, once it is long, or this process has just begun: some
 * milliseconds. To be called between transactions, when nobody waits for what was committed last.
 */
void database_checkpoint(struct database *database);

struct database_statement {
    sqlite3_stmt **statement;
    const char *sql;
};

/* Prepares statements, to be finalized by database_close(). */
enum exit_code database_prepare(struct database *database, const struct database_statement *all,
                                size_t count);

/*
 * Binds a value, which must last until the statement was run. Ends the program if there is no
 * memory for that.
 */
void database_bind_int(sqlite3_stmt *statement, int at, int64_t value);
void database_bind_text(sqlite3_stmt *statement, int at, const char *text, size_t len);
void database_bind_blob(sqlite3_stmt *statement, int at, const void *bytes, size_t len);

/* Runs a statement to its end, and resets it. */
enum exit_code database_run(struct database *database, sqlite3_stmt *statement);

/* Gets a row: *found says whether there is one. The caller resets the statement when it has read
 * it. */
enum exit_code database_row(struct database *database, sqlite3_stmt *statement, bool *found);

/* Returns whether the last function that failed did so because another process held the file for
 * too long. */
bool database_is_locked(const struct database *database);

/* Reports the last error of the database. */
enum exit_code database_failure(struct database *database, const char *what);

/* Returns the path as it was given or found: for messages. */
const char *database_path(const struct database *database);

/* Returns the absolute path of the file itself, whatever symbolic links lead to it. */
const char *database_real_path(const struct database *database);

#endif
