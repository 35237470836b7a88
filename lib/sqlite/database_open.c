#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "sqlite/database_handle.h"
#include "sqlite/database_place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * The busy handler: waits a moment, and returns false to give up. A new file takes several syncs to
 * set up, for which a second process has to wait: so opening has more patience than a transaction.
 */
static int wait_for_other(void *context, int waits)
{
    struct database *database = context;
    const struct timespec pause = {
        .tv_nsec =
            (database->is_hasty ? DATABASE_HASTY_STEP_MS : DATABASE_BUSY_STEP_MS) * 1000000L};
    int64_t most_ms = database->is_hasty ? DATABASE_HASTY_MS : DATABASE_BUSY_MS;
    int64_t now = clock_monotonic_ms();

    if (waits == 0)
        database->busy_since_ms = now;
    if (database->is_opening ? now - database->opened_ms >= DATABASE_OPEN_MS || stop_requested()
                             : now - database->busy_since_ms >= most_ms)
        return false;
    (void)nanosleep(&pause, NULL);
    return true;
}

/* If two processes change the mode of a new file at once, SQLite fails one with SQLITE_BUSY
 * without calling the busy handler. */
static enum exit_code set_log_mode(struct database *database)
{
    int result;

    do
        result = sqlite3_exec(database->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    while (result == SQLITE_BUSY && wait_for_other(database, 1));
    return result == SQLITE_OK ? EXIT_OK : database_failure(database, "set up");
}

static enum exit_code set_up(struct database *database, enum database_access access)
{
    struct database_header file;
    bool belongs = true;
    int version = 0;
    enum exit_code code;

    (void)sqlite3_busy_handler(database->handle, wait_for_other, database);
    database_follow_log(database);
    /* In one transaction: another process may be setting it up just now. */
    code = database_begin_reading(database);
    if (code == EXIT_OK)
        code = database_check_version(database, &version);
    database_roll_back(database);
    if (code == EXIT_OK && version != 0 && database_log_size(database->handle) > 0)
        code = database_look_at_log(database, &belongs);
    else if (code == EXIT_OK && database_header_read(database->handle, &file))
        database->seen.schema_cookie = file.schema_cookie;
    if (!belongs) {
        report("'%s' does not belong to '%s', which was replaced: restore both, or move it away",
               printable_text(database->files.log), printable_text(database->path));
        return EXIT_STORE;
    }
    if (code != EXIT_OK)
        return code;
    if (access == DATABASE_READ && version == database->kind->version)
        return EXIT_OK;
    if (access == DATABASE_READ && version == 0) {
        report("'%s' has nothing in it", printable_text(database->path));
        return EXIT_STORE;
    }
    code = database_synchronize(database, "FULL");
    if (code == EXIT_OK)
        code = set_log_mode(database);
    return code == EXIT_OK && version != database->kind->version ? database_make_schema(database)
                                                                 : code;
}

/* Refuses what cannot be a database of ours before SQLite sees it: the system's reason is
 * clearer. */
static enum exit_code look_at_file(const struct database *database, enum database_access access)
{
    const char *name = printable_text(database->path);
    struct stat info;

    if (stat(database->path, &info) != 0) {
        if (errno == ENOENT && access == DATABASE_CREATE)
            return EXIT_OK;
        report_errno("cannot open '%s'", name);
        return EXIT_STORE;
    }
    if (!S_ISREG(info.st_mode))
        report("cannot open '%s': it is %s", name,
               S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    else if (info.st_nlink > 1)
        report("cannot open '%s': it has other names (hard links), and a log of its own would "
               "stand beside each",
               name);
    else if (database_file_is_mounted(database->path))
        report("cannot open '%s': it is mounted alone, and its log would not stay with it: mount "
               "its folder",
               name);
    else
        return EXIT_OK;
    return EXIT_STORE;
}

/* Makes a new file private; one that root makes belongs to the owner of its folder. */
static enum exit_code give_file(const struct database *database)
{
    const char *path = database_real_path(database);
    struct stat of_folder;
    struct stat info;
    char *folder = database_folder(path);
    bool done = stat(path, &info) == 0;

    if (done && info.st_size == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        done = chmod(path, S_IRUSR | S_IWUSR) == 0;
    if (done && info.st_size == 0 && geteuid() == 0)
        done =
            stat(folder, &of_folder) == 0 && (of_folder.st_uid == info.st_uid ||
                                              chown(path, of_folder.st_uid, of_folder.st_gid) == 0);
    free(folder);
    if (done)
        return EXIT_OK;
    report_errno("cannot make '%s' private", printable_text(database->path));
    return EXIT_STORE;
}

/* Returns whether the file is on a read-only file system, with no log beside it. */
static bool is_immutable(const char *real_path)
{
    struct stat info;
    char *log;
    bool has_log;

    if (access(real_path, W_OK) == 0 || errno != EROFS)
        return false;
    log = database_join(real_path, "-wal");
    has_log = stat(log, &info) == 0 && info.st_size > 0;
    free(log);
    return !has_log;
}

static int open_handle(struct database *database, enum database_access access)
{
    /* With a slash: some names without one mean something else to SQLite. */
    char *file = database_join(*database->path == '/' ? "" : "./", database->path);
    int flags = SQLITE_OPEN_READWRITE | (access == DATABASE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int result = sqlite3_open_v2(file, &database->handle, flags, NULL);

    if (result == SQLITE_OK && access == DATABASE_READ &&
        is_immutable(database_real_path(database))) {
        char *uri = database_uri(database->path, true);

        (void)sqlite3_close(database->handle);
        result =
            sqlite3_open_v2(uri, &database->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
        free(uri);
    }
    free(file);
    return result;
}

static enum exit_code open_file(struct database *database, enum database_access access)
{
    if (open_handle(database, access) != SQLITE_OK)
        return database_failure(database, "open");
    database_files_learn(&database->files, database->handle, database->path);
    return access == DATABASE_CREATE ? give_file(database) : EXIT_OK;
}

enum exit_code database_open(const struct database_kind *kind, const char *path,
                             enum database_access access, struct database **out)
{
    struct database *database = xcalloc(1, sizeof *database);
    enum exit_code code = EXIT_OK;
    mode_t before;

    *out = NULL;
    /* SQLite is used by one thread at a time: its locks and statistics would cost 5 % of an
     * order. */
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    database->kind = kind;
    database->opened_ms = clock_monotonic_ms();
    database->is_opening = true;
    database->is_first_log = true;
    database->log_fd = -1;
    database->path = path == NULL ? database_place(kind) : xstrdup(path);
    if (database->path == NULL) {
        database_report_homeless(kind);
        code = EXIT_STORE;
    } else if (access == DATABASE_CREATE) {
        code = database_make_folders(database->path);
    }
    if (code == EXIT_OK)
        code = look_at_file(database, access);
    if (code == EXIT_OK) {
        before = umask(S_IRWXG | S_IRWXO);
        code = open_file(database, access);
        if (code == EXIT_OK)
            code = set_up(database, access);
        database->is_ours = code == EXIT_OK;
        database->is_opening = false;
        (void)umask(before);
    }
    if (code != EXIT_OK) {
        database_close(database);
        return code;
    }
    if (database_log_is_open(database->handle))
        database_files_learn_log(&database->files);
    *out = database;
    return code;
}

/* SQLite checkpoints when the last process closes the file: prevented if the file is not ours,
 * or was replaced. */
void database_close(struct database *database)
{
    sqlite3_stmt *statement;

    if (database == NULL)
        return;
    (void)database_finish_sync(database);
    if (database->is_ours)
        (void)database_check_files(database);
    while (database->handle != NULL &&
           (statement = sqlite3_next_stmt(database->handle, NULL)) != NULL)
        (void)sqlite3_finalize(statement);
    if (database->handle != NULL && !database->is_ours)
        (void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(database->handle);
    database_files_free(&database->files);
    if (database->log_fd >= 0)
        (void)close(database->log_fd);
    free(database->path);
    free(database);
}

const char *database_real_path(const struct database *database)
{
    return sqlite3_db_filename(database->handle, "main");
}
