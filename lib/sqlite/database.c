#include "sqlite/database.h"

#include "base/memory.h"
#include "sqlite/database_handle.h"

#include <stdio.h>

/* ---- transactions ---- */

static void end_transaction(struct database *database)
{
    /* Otherwise the next transaction would not be synced. */
    if (database->sync_is_due != SYNC_IN_COMMIT &&
        database_synchronize(database, "FULL") != EXIT_OK)
        die(EXIT_STORE, "cannot go on without syncs");
    database->sync_is_due = SYNC_IN_COMMIT;
}

static enum exit_code begin_immediately(struct database *database)
{
    enum exit_code code;

    database->was_locked = false;
    database->is_hasty = database->never_waits;
    code = database_step(database, &database->begin, "BEGIN IMMEDIATE", "write to");
    database->is_hasty = false;
    if (code == EXIT_OK)
        database_note_unlocked(database);
    return code;
}

static enum exit_code begin_writing(struct database *database)
{
    enum exit_code code = begin_immediately(database);

    if (code == EXIT_OK)
        code = database_mark_log(database);
    if (code != EXIT_OK)
        database_roll_back(database);
    return code;
}

/*
 * SQLite syncs the header of a log before the rest. In a new log one sync after all of it is as
 * safe: whatever is missing after a loss of power makes it a log that ends early. Syncs are most of
 * the time that it takes to store one order.
 */
static enum exit_code begin_fresh_log(struct database *database)
{
    enum exit_code code = database_synchronize(database, "OFF");

    database->sync_is_due = SYNC_AFTER_COMMIT;
    if (code == EXIT_OK)
        code = begin_writing(database);
    /* Another process was quicker. */
    if (code == EXIT_OK && database_log_size(database->handle) > 0)
        database_roll_back(database);
    return code;
}

static enum exit_code begin(struct database *database, bool ahead)
{
    enum exit_code code = database_finish_sync(database);

    if (code != EXIT_OK)
        return code;
    if (database_first_log_is_old(database))
        database_checkpoint(database);
    if (database_log_is_open(database->handle) && database_log_size(database->handle) == 0) {
        code = begin_fresh_log(database);
        if (code != EXIT_OK || database->sync_is_due == SYNC_AFTER_COMMIT)
            return code;
    }
    if (ahead)
        code = database_synchronize(database, "NORMAL");
    if (code != EXIT_OK)
        return code;
    database->sync_is_due = ahead ? SYNC_AFTER_COMMIT : SYNC_IN_COMMIT;
    return begin_writing(database);
}

enum exit_code database_begin(struct database *database)
{
    return begin(database, false);
}

enum exit_code database_begin_ahead(struct database *database)
{
    return begin(database, true);
}

enum exit_code database_begin_relaxed(struct database *database)
{
    enum exit_code code = database_finish_sync(database);

    if (code == EXIT_OK)
        code = database_synchronize(database, "NORMAL");
    if (code != EXIT_OK)
        return code;
    database->sync_is_due = SYNC_NEVER;
    return begin_writing(database);
}

enum exit_code database_begin_reading(struct database *database)
{
    return database_step(database, &database->begin_reading, "BEGIN", "read");
}

void database_roll_back(struct database *database)
{
    /* After a failed commit the transaction may be over already. */
    if (sqlite3_get_autocommit(database->handle) == 0)
        (void)database_step(database, &database->roll_back, "ROLLBACK", "write to");
    end_transaction(database);
}

static enum exit_code commit(struct database *database, bool ahead)
{
    bool must_sync = database->sync_is_due == SYNC_AFTER_COMMIT;
    enum exit_code code = database_step(database, &database->commit, "COMMIT", "write to");

    if (code != EXIT_OK) {
        database_roll_back(database);
        return code;
    }
    end_transaction(database);
    if (must_sync)
        code = database_sync_log(database, ahead);
    return code == EXIT_OK ? database_check_files(database) : code;
}

enum exit_code database_end(struct database *database, enum exit_code code)
{
    if (code == EXIT_OK)
        return commit(database, false);
    database_roll_back(database);
    return code;
}

enum exit_code database_commit_ahead(struct database *database)
{
    return commit(database, true);
}

/* ---- statements ---- */

enum exit_code database_execute(struct database *database, const char *sql, const char *what)
{
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return EXIT_OK;
    return database_failure(database, what);
}

enum exit_code database_step(struct database *database, sqlite3_stmt **statement, const char *sql,
                             const char *what)
{
    enum exit_code code = EXIT_OK;

    if (*statement == NULL &&
        sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
            SQLITE_OK)
        return database_failure(database, what);
    if (sqlite3_step(*statement) != SQLITE_DONE)
        code = database_failure(database, what);
    (void)sqlite3_reset(*statement);
    return code;
}

enum exit_code database_read_number(struct database *database, const char *pragma, int *number)
{
    sqlite3_stmt *statement = NULL;
    enum exit_code code = EXIT_OK;

    if (sqlite3_prepare_v2(database->handle, pragma, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        code = database_failure(database, "read");
    else
        *number = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return code;
}

bool database_measure(struct database *database, int64_t *bytes)
{
    int pages = 0;
    int size = 0;

    if (database_read_number(database, "PRAGMA page_count", &pages) != EXIT_OK ||
        database_read_number(database, "PRAGMA page_size", &size) != EXIT_OK)
        return false;
    *bytes = (int64_t)pages * size;
    return true;
}

enum exit_code database_synchronize(struct database *database, const char *how)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA synchronous = %s", how);
    return database_execute(database, sql, "set up");
}

enum exit_code database_prepare(struct database *database, const struct database_statement *all,
                                size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3(database->handle, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                               all[i].statement, NULL) != SQLITE_OK)
            return database_failure(database, "use");
    return EXIT_OK;
}

/* All other failures than of memory are bugs. */
static void need_bound(int result)
{
    if (result != SQLITE_OK)
        die(EXIT_BUG, "cannot bind a value: %s", sqlite3_errstr(result));
}

void database_bind_int(sqlite3_stmt *statement, int at, int64_t value)
{
    need_bound(sqlite3_bind_int64(statement, at, value));
}

void database_bind_text(sqlite3_stmt *statement, int at, const char *text, size_t len)
{
    need_bound(sqlite3_bind_text(statement, at, text, (int)len, SQLITE_STATIC));
}

void database_bind_blob(sqlite3_stmt *statement, int at, const void *bytes, size_t len)
{
    need_bound(sqlite3_bind_blob(statement, at, bytes, (int)len, SQLITE_STATIC));
}

char *database_column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text == NULL ? NULL : xstrdup((const char *)text);
}

enum exit_code database_run(struct database *database, sqlite3_stmt *statement)
{
    enum exit_code code = EXIT_OK;

    if (sqlite3_step(statement) != SQLITE_DONE)
        code = database_failure(database, "write to");
    (void)sqlite3_reset(statement);
    return code;
}

enum exit_code database_run_ranges(struct database *database, sqlite3_stmt *statement,
                                   const int64_t *keys, size_t count)
{
    enum exit_code code = EXIT_OK;
    size_t next;

    for (size_t i = 0; i < count && code == EXIT_OK; i = next) {
        for (next = i + 1; next < count && keys[next] == keys[next - 1] + 1;)
            next++;
        database_bind_int(statement, 1, keys[i]);
        database_bind_int(statement, 2, keys[next - 1]);
        code = database_run(database, statement);
    }
    return code;
}

enum exit_code database_row(struct database *database, sqlite3_stmt *statement, bool *found)
{
    int result = sqlite3_step(statement);

    *found = result == SQLITE_ROW;
    if (result == SQLITE_ROW || result == SQLITE_DONE)
        return EXIT_OK;
    (void)sqlite3_reset(statement);
    return database_failure(database, "read");
}
