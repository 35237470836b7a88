/*
 * database_handle: what the files of database know of an open database, and how they run SQL. For
 * them alone: all others include database.h.
 *
 * Every function that can fail reports why, with the path, and returns EXIT_STORE.
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

/* Milliseconds to wait for another process that holds the database: once it is open, for all that
 * opening it takes, and between two looks. */
#define DATABASE_BUSY_MS 5000
#define DATABASE_OPEN_MS 30000
#define DATABASE_BUSY_STEP_MS 10

struct database {
    sqlite3 *handle;
    char *path;
    const struct database_kind *kind;
    struct database_files files;
    struct database_header seen; /* the header, with the log */
    sqlite3_stmt *begin;
    sqlite3_stmt *begin_reading;
    sqlite3_stmt *commit;
    sqlite3_stmt *roll_back;
    int64_t opened_ms;
    bool is_opening;
    int64_t busy_since_ms;
    bool is_first_log;
    bool log_has_pages;
    int page_size;     /* once database_room_open() was called, like the next */
    int log_fd;        /* otherwise -1 */
    bool log_is_long;  /* since database_checkpoint() */
    bool log_is_fresh; /* the transaction at hand is the first of a new log: it is synced after its
                          commit */
    bool is_relaxed;   /* the transaction at hand */
    struct background *sync; /* of the log, on its way; else NULL */
    bool is_ours;            /* opened, checked, and in place so far */
};

/* Runs SQL. A failure is reported as "cannot <what> <path>", by all functions here. */
enum exit_code database_execute(struct database *database, const char *sql, const char *what);

/* Runs a statement that gives no row. Prepares it, if *statement is NULL: database_close()
 * finalizes it. */
enum exit_code database_step(struct database *database, sqlite3_stmt **statement, const char *sql,
                             const char *what);

/* Reads the number that a pragma or a query gives. */
enum exit_code database_read_number(struct database *database, const char *pragma, int *number);

/* Sets how commits are synced: "FULL", "NORMAL" or "OFF". With "FULL", no commit is lost with the
 * power. */
enum exit_code database_synchronize(struct database *database, const char *how);

/* As database_failure(), for the result of a function that leaves no message with the handle. */
enum exit_code database_failure_of(const struct database *database, const char *what, int result);

#endif
