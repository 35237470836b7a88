#include "base/clock.h"
#include "base/text.h"
#include "sqlite/database_handle.h"
#include "sqlite/database_room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Pages in the log from which on it is checkpointed. */
#define LOG_PAGES 1000

/*
 * The first log of a process is checkpointed at this age, however short it is. From then on the
 * file differs from every copy made before the process started, and its log does not belong to
 * them.
 */
#define FIRST_LOG_MS 100

static int note_log(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct database *database = context;

    (void)handle;
    (void)name;
    database->log_has_pages = true;
    database->log_is_long = pages >= LOG_PAGES;
    database_room_start(database);
    return SQLITE_OK;
}

void database_follow_log(struct database *database)
{
    (void)sqlite3_wal_hook(database->handle, note_log, database);
}

enum exit_code database_look_at_log(struct database *database, bool *belongs)
{
    struct database_header file;
    int user_version = 0;
    int cookie = 0;
    enum exit_code code = database_step(database, &database->begin_reading, "BEGIN", "read");

    if (code == EXIT_OK)
        code = database_read_number(database, "PRAGMA user_version", &user_version);
    if (code == EXIT_OK)
        code = database_read_number(database, "PRAGMA schema_version", &cookie);
    if (code == EXIT_OK) {
        database->seen.user_version = (uint32_t)user_version;
        database->seen.schema_cookie = (uint32_t)cookie;
        *belongs = (database_header_read(database->handle, &file) &&
                    database_log_belongs(&file, &database->seen)) ||
                   database_log_changed_schema(database->handle, &database->seen);
    }
    database_roll_back(database);
    return code;
}

/* As database_look_at_log(), but cheap unless another process has begun another log. */
static enum exit_code check_log(struct database *database, bool *belongs)
{
    struct database_header file;

    *belongs = database_header_read(database->handle, &file) &&
               database_log_belongs(&file, &database->seen);
    return *belongs ? EXIT_OK : database_look_at_log(database, belongs);
}

enum exit_code database_check_files(struct database *database)
{
    const char *lost = database_files_lost(&database->files);
    bool belongs = true;
    enum exit_code code = lost == NULL ? check_log(database, &belongs) : EXIT_OK;

    if (lost == NULL && (code != EXIT_OK || belongs))
        return code;
    report("'%s' was removed or replaced while in use",
           printable_text(lost == NULL ? database->path : lost));
    database->is_ours = false;
    return EXIT_STORE;
}

void database_watch(struct database *database, const char *path)
{
    database_files_learn_other(&database->files, path);
}

bool database_first_log_is_old(const struct database *database)
{
    return database->is_first_log && database->log_has_pages &&
           clock_monotonic_ms() - database->opened_ms >= FIRST_LOG_MS;
}

void database_checkpoint(struct database *database)
{
    bool belongs;

    if (database->sync != NULL || (!database->log_is_long && !database_first_log_is_old(database)))
        return;
    /* Never into another file. The next commit reports it. */
    if (database_files_lost(&database->files) != NULL || check_log(database, &belongs) != EXIT_OK ||
        !belongs)
        return;
    /* Pages that others are reading are left for a later checkpoint. */
    (void)sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    database->log_is_long = false;
    database->is_first_log = false;
}

enum exit_code database_mark_log(struct database *database)
{
    char sql[64];
    int user_version = 0;
    enum exit_code code;

    if (!database_log_is_done(database->handle))
        return EXIT_OK;
    code = database_read_number(database, "PRAGMA user_version", &user_version);
    if (code != EXIT_OK)
        return code;
    database->seen.user_version = database_mark_next((uint32_t)user_version);
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d", (int)database->seen.user_version);
    return database_execute(database, sql, "write to");
}

/* Returns 0 or an errno. */
static int sync_log(void *handle)
{
    return database_log_sync(handle) == SQLITE_OK ? 0 : errno;
}

static enum exit_code report_sync(const struct database *database, int error)
{
    if (error == 0)
        return EXIT_OK;
    report("cannot sync '%s': %s", printable_text(database->files.log), strerror(error));
    return EXIT_STORE;
}

enum exit_code database_finish_sync(struct database *database)
{
    struct background *sync = database->sync;

    database->sync = NULL;
    return sync == NULL ? EXIT_OK : report_sync(database, background_finish(sync));
}

enum exit_code database_sync_log(struct database *database, bool ahead)
{
    if (ahead)
        database->sync = background_start(sync_log, database->handle);
    return database->sync == NULL ? report_sync(database, sync_log(database->handle)) : EXIT_OK;
}
