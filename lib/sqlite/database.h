/*
 * database: one SQLite file of order-tools: opened with care, synced at every commit, the version
 * of its schema checked.
 *
 * Every function that returns an exit code returns EXIT_OK, or EXIT_STORE with the reason reported
 * together with the path.
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
    const char *variable;        /* of the environment, that names the file */
    const char *file;            /* otherwise its name under $XDG_STATE_HOME/order-tools/ */
    const char *schema;          /* SQL that sets up an empty file */
    const char *const *upgrades; /* SQL from version 1 to 2, from 2 to 3, and so on; NULL if the
                                    version is 1 */
    int application;             /* PRAGMA application_id, by which our files are recognized */
    int version;                 /* of the schema: 1 to 255 */
};

/* Returns the path of the file that kind names, to be freed with free(); NULL if the environment
 * does not say where it is. */
char *database_place(const struct database_kind *kind);

/* Reports that database_place() has found nothing. */
void database_report_homeless(const struct database_kind *kind);

enum database_access { DATABASE_CREATE, DATABASE_READ };

/*
 * Opens the file at path, or the one that kind names if path is NULL.
 *
 * DATABASE_CREATE makes the file and its folders if they are missing, private to their owner (a
 * file made by root gets the owner of its folder), and upgrades an earlier version of the schema in
 * one transaction. Refuses a write-ahead log that was written for another file: see
 * database_files.h. Waits up to 30 s for another process that sets the file up or holds it; later
 * transactions wait up to 5 s.
 *
 * *database is freed with database_close(); it is NULL after a failure.
 */
enum exit_code database_open(const struct database_kind *kind, const char *path,
                             enum database_access access, struct database **database);

/* Closes the file and finalizes the statements of database_prepare(). The last process that closes
 * it copies the log into it, synced, and removes the log. NULL is harmless. */
void database_close(struct database *database);

/* Begins a write transaction (BEGIN IMMEDIATE). Reads inside it stay valid until the commit. */
enum exit_code database_begin(struct database *database);

/* As database_begin(), for database_commit_ahead(). */
enum exit_code database_begin_ahead(struct database *database);

/* As database_begin(), but the commit is not synced: it survives a kill of the process; a power
 * loss only once a later commit was synced. */
enum exit_code database_begin_relaxed(struct database *database);

/* Begins a transaction whose reads are all of the moment of the first. database_roll_back() ends
 * it. */
enum exit_code database_begin_reading(struct database *database);

/*
 * Commits if code is EXIT_OK; otherwise rolls back and returns code. On EXIT_OK the transaction is
 * on disk, in files that are still in place: see database_check_files(). Otherwise it is over, and
 * nobody may be told of it.
 */
enum exit_code database_end(struct database *database, enum exit_code code);

/* Commits what database_begin_ahead() began, as database_end() does, but returns before the sync
 * has ended: database_finish_sync() must return EXIT_OK before anybody is told. Do not use the
 * database in between. */
enum exit_code database_commit_ahead(struct database *database);

/* Waits for the sync of database_commit_ahead(). On EXIT_OK all that was committed is on disk. */
enum exit_code database_finish_sync(struct database *database);

/* Rolls back. Harmless without a transaction. */
void database_roll_back(struct database *database);

/*
 * Returns EXIT_STORE if the file, its log or the index of the log was removed or replaced since it
 * was opened, or is a copy of another time. To be called outside of transactions, before anybody is
 * told of what was read; database_end() includes it. Costs four or five system calls.
 */
enum exit_code database_check_files(struct database *database);

/* Makes database_check_files() check one more file: that path stays the file it is now. */
void database_watch(struct database *database, const char *path);

/*
 * Checkpoints the log once it exceeds 1000 pages, and once soon after this process has opened the
 * file: takes some milliseconds. To be called between transactions, when nobody waits for what was
 * committed last.
 */
void database_checkpoint(struct database *database);

/* Sets *bytes to the size of the file, without its log. Returns false, reported, if it cannot be
 * read. */
bool database_measure(struct database *database, int64_t *bytes);

struct database_statement {
    sqlite3_stmt **statement; /* where to put it */
    const char *sql;
};

/* Prepares count statements, to be finalized by database_close(). */
enum exit_code database_prepare(struct database *database, const struct database_statement *all,
                                size_t count);

/* Binds a value to parameter at of a statement. Texts and bytes must last until the statement was
 * run; NULL is bound as that. Exits with EXIT_BUG if there is no memory. */
void database_bind_int(sqlite3_stmt *statement, int at, int64_t value);
void database_bind_text(sqlite3_stmt *statement, int at, const char *text, size_t len);
void database_bind_blob(sqlite3_stmt *statement, int at, const void *bytes, size_t len);

/* Returns a text of a row, to be freed with free(), or NULL. */
char *database_column_text(sqlite3_stmt *statement, int column);

/* Runs a statement that gives no row to its end, and resets it. */
enum exit_code database_run(struct database *database, sqlite3_stmt *statement);

/*
 * Runs a statement, as database_run(), for each run of consecutive numbers among keys: parameter 1
 * is bound to the first of them, parameter 2 to the last. For keys that nearly all follow each
 * other.
 */
enum exit_code database_run_ranges(struct database *database, sqlite3_stmt *statement,
                                   const int64_t *keys, size_t count);

/* Fetches the next row and sets *found to whether there was one. The caller resets the statement
 * once it has read the columns; after a failure it is reset already. */
enum exit_code database_row(struct database *database, sqlite3_stmt *statement, bool *found);

/*
 * From now on a transaction that cannot begin at once, since another process holds the file, fails
 * after some milliseconds. It is reported once the file is held for a second, and again when it is
 * free. Reading is not affected.
 */
void database_never_wait(struct database *database);

/* After database_never_wait(): returns whether the last transaction failed for that reason. */
bool database_was_locked(const struct database *database);

/* Returns whether the last failure was that another process held the file for too long. */
bool database_is_locked(const struct database *database);

/* Reports SQLite's last error as "cannot <what> '<path>': <reason>" and returns EXIT_STORE. */
enum exit_code database_failure(struct database *database, const char *what);

/* Returns the absolute path, symbolic links resolved. */
const char *database_real_path(const struct database *database);

#endif
