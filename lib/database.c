#include "database.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS 5000
#define BUSY_STEP_MS 10

/*
 * Pages in the log of commits, at which it is copied into the file; and how many may be left there at the end. Copying
 * takes three syncs and a new log two more, which a program that stores a single row would spend most of its time on.
 */
#define LOG_PAGES 1000
#define LOG_LEFT 96

#define LOG_HEADER 32      /* bytes at its start */
#define LOG_PAGE_HEADER 24 /* and before each page */
#define LOG_STEP 65536     /* by which it grows when room is made sure of */

struct database {
    sqlite3 *handle;
    char *path;
    const struct database_kind *kind;
    sqlite3_stmt *begin;
    sqlite3_stmt *begin_reading;
    sqlite3_stmt *commit;
    sqlite3_stmt *roll_back;
    int log_pages;
    int page_size;    /* once database_measure_log() was called, like the next */
    int log_fd;       /* otherwise -1 */
    bool log_is_long; /* since database_tidy() */
    bool is_light;    /* the transaction at hand */
    bool is_new;      /* made by this process: at its end the file itself tells what it is */
};

enum exit_code database_failure(struct database *database, const char *what)
{
    report("cannot %s '%s': %s", what, printable_text(database->path), sqlite3_errmsg(database->handle));
    return EXIT_STORE;
}

const char *database_path(const struct database *database)
{
    return database->path;
}

const char *database_real_path(const struct database *database)
{
    return sqlite3_db_filename(database->handle, "main");
}

static char *join(const char *left, const char *right)
{
    size_t size = strlen(left) + strlen(right) + 1;
    char *text = need_calloc(size, 1);

    (void)snprintf(text, size, "%s%s", left, right);
    return text;
}

/* Where the file is; NULL, reported, if nothing says so. */
static char *find_path(const struct database_kind *kind)
{
    const char *named = getenv(kind->variable);
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *folder;
    char *path;

    if (named != NULL && *named != '\0')
        return need_strdup(named);
    if (state != NULL && *state == '/') {
        folder = join(state, "/order-tools/");
    } else if (home != NULL && *home == '/') {
        folder = join(home, "/.local/state/order-tools/");
    } else {
        report("nothing says where to keep data: set %s, XDG_STATE_HOME or HOME", kind->variable);
        return NULL;
    }
    path = join(folder, kind->file);
    free(folder);
    return path;
}

/* Makes the folders that lead to path, private ones. */
static enum exit_code make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        int made;

        *slash = '\0';
        made = mkdir(path, S_IRWXU);
        if (made != 0 && errno != EEXIST) {
            report_errno("cannot make the folder '%s'", printable_text(path));
            *slash = '/';
            return EXIT_STORE;
        }
        *slash = '/';
    }
    return EXIT_OK;
}

static enum exit_code run_sql(struct database *database, const char *sql, const char *what)
{
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return EXIT_OK;
    return database_failure(database, what);
}

/* The same for what each order needs: prepared when it is first run. */
static enum exit_code run_prepared(struct database *database, sqlite3_stmt **statement, const char *sql,
                                   const char *what)
{
    enum exit_code code = EXIT_OK;

    if (*statement == NULL && sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                 statement, NULL) != SQLITE_OK)
        return database_failure(database, what);
    if (sqlite3_step(*statement) != SQLITE_DONE)
        code = database_failure(database, what);
    (void)sqlite3_reset(*statement);
    return code;
}

static enum exit_code read_number(struct database *database, const char *pragma, int *number)
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

/* *version is 0 if the file is empty. */
static enum exit_code check_version(struct database *database, int *version)
{
    const struct database_kind *kind = database->kind;
    int application = 0;
    int schema = 0;
    enum exit_code code = read_number(database, "PRAGMA application_id", &application);

    *version = 0;
    if (code == EXIT_OK)
        code = read_number(database, "PRAGMA user_version", version);
    if (code == EXIT_OK && application == 0)
        code = read_number(database, "SELECT count(*) FROM sqlite_master", &schema);
    if (code != EXIT_OK)
        return code;
    if (application == 0 && *version == 0 && schema == 0)
        return EXIT_OK;
    if (application == kind->application && *version >= 1 && *version <= kind->version)
        return EXIT_OK;
    if (application != kind->application)
        report("'%s' is a database of something else: %s names another file", printable_text(database->path),
               kind->variable);
    else
        report("'%s' was written by a newer version of order-tools (schema %d, this one knows %d)",
               printable_text(database->path), *version, kind->version);
    return EXIT_STORE;
}

/* Makes an empty file ours, or brings one of an earlier version up to date. */
static enum exit_code write_schema(struct database *database, int version)
{
    const struct database_kind *kind = database->kind;
    char pragmas[128];
    enum exit_code code = version == 0 ? run_sql(database, kind->schema, "set up") : EXIT_OK;

    for (int from = version; from > 0 && from < kind->version && code == EXIT_OK; from++)
        code = run_sql(database, kind->upgrades[from - 1], "upgrade");
    (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   kind->application, kind->version);
    return code == EXIT_OK ? run_sql(database, pragmas, "set up") : code;
}

static enum exit_code make_schema(struct database *database)
{
    int version = 0;
    /* Under the write lock, since another process may be doing the same. */
    enum exit_code code = database_begin(database);

    if (code != EXIT_OK)
        return code;
    code = check_version(database, &version);
    if (code == EXIT_OK && version != database->kind->version)
        code = write_schema(database, version);
    if (code == EXIT_OK) {
        database->is_new = version == 0;
        return database_commit(database);
    }
    database_roll_back(database);
    return code;
}

static int note_log(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct database *database = context;

    (void)handle;
    (void)name;
    database->log_pages = pages;
    database->log_is_long = pages >= LOG_PAGES;
    return SQLITE_OK;
}

void database_tidy(struct database *database)
{
    /* What cannot be copied now, because others read it, is copied later. */
    if (database->log_is_long)
        (void)sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    database->log_is_long = false;
}

/* Of two that change the mode of a new file at once, SQLite lets one fail, whatever the busy timeout. */
static enum exit_code set_log_mode(struct database *database)
{
    const struct timespec pause = {.tv_nsec = BUSY_STEP_MS * 1000000L};
    int result = SQLITE_BUSY;

    for (int left = BUSY_MS / BUSY_STEP_MS; result == SQLITE_BUSY && left > 0; left--) {
        result = sqlite3_exec(database->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (result == SQLITE_BUSY)
            (void)nanosleep(&pause, NULL);
    }
    return result == SQLITE_OK ? EXIT_OK : database_failure(database, "set up");
}

/* FULL: in this mode of logging, no less survives a loss of power. */
static enum exit_code synchronize(struct database *database, bool each_commit)
{
    return run_sql(database, each_commit ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                   "set up");
}

static enum exit_code set_up(struct database *database, enum database_access access)
{
    int version = 0;
    enum exit_code code;

    (void)sqlite3_busy_timeout(database->handle, BUSY_MS);
    (void)sqlite3_wal_hook(database->handle, note_log, database);
    /* One view of it all: another process may be setting it up just now. */
    code = database_begin_reading(database);
    if (code == EXIT_OK)
        code = check_version(database, &version);
    database_roll_back(database);
    if (code != EXIT_OK)
        return code;
    if (access == DATABASE_READ && version == database->kind->version)
        return EXIT_OK;
    if (access == DATABASE_READ && version == 0) {
        report("'%s' has nothing in it", printable_text(database->path));
        return EXIT_STORE;
    }
    code = synchronize(database, true);
    if (code == EXIT_OK)
        code = set_log_mode(database);
    return code == EXIT_OK && version != database->kind->version ? make_schema(database) : code;
}

static int open_file(struct database *database, int flags)
{
    /* As a path: some names alone mean something else to SQLite. */
    char *file = join(*database->path == '/' ? "" : "./", database->path);
    int result = sqlite3_open_v2(file, &database->handle, flags, NULL);

    free(file);
    return result;
}

enum exit_code database_open(const struct database_kind *kind, const char *path, enum database_access access,
                             struct database **out)
{
    struct database *database = need_calloc(1, sizeof *database);
    int flags =
        access == DATABASE_CREATE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    enum exit_code code = EXIT_OK;
    mode_t before;

    *out = NULL;
    /* No program of ours has a second thread: locks and counts for others cost a twentieth of an order. */
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    database->kind = kind;
    database->log_fd = -1;
    database->path = path == NULL ? find_path(kind) : need_strdup(path);
    if (database->path == NULL)
        code = EXIT_STORE;
    else if (access == DATABASE_CREATE)
        code = make_folders(database->path);
    if (code == EXIT_OK) {
        before = umask(S_IRWXG | S_IRWXO);
        if (open_file(database, flags) != SQLITE_OK)
            code = database_failure(database, "open");
        else
            code = set_up(database, access);
        (void)umask(before);
    }
    if (code != EXIT_OK)
        database_close(database);
    else
        *out = database;
    return code;
}

void database_close(struct database *database)
{
    sqlite3_stmt *statement;

    if (database == NULL)
        return;
    while (database->handle != NULL && (statement = sqlite3_next_stmt(database->handle, NULL)) != NULL)
        (void)sqlite3_finalize(statement);
    if (database->handle != NULL && database->log_pages < LOG_LEFT && !database->is_new)
        (void)sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(database->handle);
    if (database->log_fd >= 0)
        (void)close(database->log_fd);
    free(database->path);
    free(database);
}

static void end_transaction(struct database *database)
{
    /* The next one would not be safe. */
    if (database->is_light && synchronize(database, true) != EXIT_OK)
        die(EXIT_STORE, "cannot go on without syncs");
    database->is_light = false;
}

enum exit_code database_begin(struct database *database)
{
    return run_prepared(database, &database->begin, "BEGIN IMMEDIATE", "write to");
}

enum exit_code database_begin_lightly(struct database *database)
{
    enum exit_code code = synchronize(database, false);

    if (code != EXIT_OK)
        return code;
    database->is_light = true;
    code = database_begin(database);
    if (code != EXIT_OK)
        end_transaction(database);
    return code;
}

enum exit_code database_begin_reading(struct database *database)
{
    return run_prepared(database, &database->begin_reading, "BEGIN", "read");
}

void database_roll_back(struct database *database)
{
    /* After a failed commit the transaction may be over already. */
    if (sqlite3_get_autocommit(database->handle) == 0)
        (void)run_prepared(database, &database->roll_back, "ROLLBACK", "write to");
    end_transaction(database);
}

enum exit_code database_commit(struct database *database)
{
    enum exit_code code = run_prepared(database, &database->commit, "COMMIT", "write to");

    if (code != EXIT_OK)
        database_roll_back(database);
    end_transaction(database);
    return code;
}

enum exit_code database_prepare(struct database *database, const struct database_statement *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3(database->handle, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].statement,
                               NULL) != SQLITE_OK)
            return database_failure(database, "use");
    return EXIT_OK;
}

/* What can fail here but for memory is a mistake in this program. */
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

enum exit_code database_run(struct database *database, sqlite3_stmt *statement)
{
    enum exit_code code = EXIT_OK;

    if (sqlite3_step(statement) != SQLITE_DONE)
        code = database_failure(database, "write to");
    (void)sqlite3_reset(statement);
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

/* ---- room ---- */

static off_t log_size(const struct database *database, off_t pages)
{
    return LOG_HEADER + pages * (LOG_PAGE_HEADER + database->page_size);
}

enum exit_code database_measure_log(struct database *database)
{
    const char *path = sqlite3_filename_wal(sqlite3_db_filename(database->handle, "main"));
    enum exit_code code = read_number(database, "PRAGMA page_size", &database->page_size);
    struct stat status;
    int pages = -1;

    if (code != EXIT_OK)
        return code;
    database->log_fd = open(path, O_RDWR | O_CLOEXEC);
    if (database->log_fd < 0 || fstat(database->log_fd, &status) != 0) {
        report_errno("cannot open '%s'", printable_text(path));
        return EXIT_STORE;
    }
    (void)sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, NULL);
    /* If it cannot be copied, it is at most as long as its file. */
    database->log_pages = pages >= 0 ? pages : (int)(status.st_size / log_size(database, 1) + 1);
    return EXIT_OK;
}

enum exit_code database_reserve(struct database *database, size_t pages)
{
    off_t size = log_size(database, (off_t)pages + database->log_pages);
    struct stat status;

    if (fstat(database->log_fd, &status) == 0 && status.st_size >= size)
        return EXIT_OK;
    errno = posix_fallocate(database->log_fd, 0, (size + LOG_STEP - 1) / LOG_STEP * LOG_STEP);
    if (errno == 0)
        return EXIT_OK;
    report_errno("cannot write to '%s'", printable_text(database->path));
    return EXIT_STORE;
}

bool database_is_locked(const struct database *database)
{
    return (sqlite3_errcode(database->handle) & 0xff) == SQLITE_BUSY;
}
