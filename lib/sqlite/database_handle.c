#include "sqlite/database_handle.h"

#include <stdio.h>

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

enum exit_code database_synchronize(struct database *database, const char *how)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA synchronous = %s", how);
    return database_execute(database, sql, "set up");
}
