#include "base/clock.h"
#include "base/text.h"
#include "sqlite/database_handle.h"
#include "sqlite/database_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The byte of the log's index that SQLite locks to write to the log. */
#define WRITE_LOCK_BYTE 120

/* Returns why no file can be made in the folder of path: an errno, 0 if one can. */
static int right_to_make(const char *path)
{
    char *folder = database_folder(path);
    int error = access(folder, W_OK) != 0 ? errno : 0;

    free(folder);
    return error;
}

/* Returns the errno behind an SQLite result, 0 if it is not known. error is what SQLite has
 * noted. */
static int system_error(const struct database *database, int result, int error)
{
    switch (result & 0xFF) {
    case SQLITE_CANTOPEN:
        /* SQLite opens without O_CREAT what it may not create. */
        return error == ENOENT && right_to_make(database->path) != 0 ? right_to_make(database->path)
                                                                     : error;
    case SQLITE_IOERR:
        return error;
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_READONLY:
        return access(database->path, W_OK) != 0 ? errno : right_to_make(database->path);
    default:
        return 0;
    }
}

/* "1: POSIX  ADVISORY  WRITE 4711 fe:00:131 120 120": kind, process, device and inode, first and
 * last byte (or EOF). */
static bool read_lock(const char *line, unsigned long long inode, long byte, long *process)
{
    unsigned long long locked;
    long first;
    long last;
    char end[24];

    if (sscanf(line, "%*d: POSIX %*s WRITE %ld %*x:%*x:%llu %ld %23s", process, &locked, &first,
               end) != 4)
        return false;
    if (strcmp(end, "EOF") == 0)
        last = byte;
    else if (sscanf(end, "%ld", &last) != 1)
        return false;
    return locked == inode && first <= byte && byte <= last;
}

/*
 * Returns the id of the process that holds a POSIX write lock on a byte of the file at path; 0 if
 * none does, or that cannot be found out. Reads /proc/locks: to open the file and close it again
 * would give up the locks that this process has on it.
 */
static long lock_holder(const char *path, long byte)
{
    struct stat info;
    char line[256];
    long process = 0;
    bool found = false;
    FILE *locks = stat(path, &info) == 0 ? fopen("/proc/locks", "r") : NULL;

    if (locks == NULL)
        return 0;
    while (!found && fgets(line, (int)sizeof line, locks) != NULL)
        found = read_lock(line, (unsigned long long)info.st_ino, byte, &process);
    (void)fclose(locks);
    return found && process > 0 ? process : 0;
}

/* held_ms: for how long, at least, another process holds the database if that is the reason. */
static enum exit_code report_result(const struct database *database, const char *what, int result,
                                    const char *reason, int error, int held_ms)
{
    const char *path = printable_text(database->path);
    long holder = 0;

    if ((result & 0xFF) == SQLITE_BUSY && database->files.index != NULL)
        holder = lock_holder(database->files.index, WRITE_LOCK_BYTE);
    if (error != 0)
        report("cannot %s '%s': %s: %s", what, path, reason, strerror(error));
    else if (holder > 0)
        report("cannot %s '%s': %s: process %ld has held it for more than %d s", what, path, reason,
               holder, held_ms / 1000);
    else
        report("cannot %s '%s': %s", what, path, reason);
    return EXIT_STORE;
}

/* Of a transaction that may not wait for another process. */
static enum exit_code fail_locked(struct database *database, const char *what)
{
    int64_t now_ms = clock_monotonic_ms();

    database->was_locked = true;
    if (database->locked_since_ms == 0)
        database->locked_since_ms = now_ms;
    if (database->locked_is_told || now_ms - database->locked_since_ms < DATABASE_LOCKED_MS)
        return EXIT_STORE;
    database->locked_is_told = true;
    return report_result(database, what, SQLITE_BUSY, sqlite3_errmsg(database->handle), 0,
                         DATABASE_LOCKED_MS);
}

enum exit_code database_failure(struct database *database, const char *what)
{
    int result = sqlite3_errcode(database->handle);
    int error = sqlite3_system_errno(database->handle);

    if (database->is_hasty && database_is_locked(database))
        return fail_locked(database, what);
    return report_result(database, what, result, sqlite3_errmsg(database->handle),
                         system_error(database, result, error), DATABASE_BUSY_MS);
}

enum exit_code database_failure_of(const struct database *database, const char *what, int result)
{
    return report_result(database, what, result, sqlite3_errstr(result),
                         system_error(database, result, 0), DATABASE_BUSY_MS);
}

void database_note_unlocked(struct database *database)
{
    if (database->locked_is_told)
        report_notice("'%s' can be written again", printable_text(database->path));
    database->locked_since_ms = 0;
    database->locked_is_told = false;
}

void database_never_wait(struct database *database)
{
    database->never_waits = true;
}

bool database_was_locked(const struct database *database)
{
    return database->was_locked;
}

bool database_is_locked(const struct database *database)
{
    return (sqlite3_errcode(database->handle) & 0xff) == SQLITE_BUSY;
}
