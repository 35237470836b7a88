#include "database.h"

#include "background.h"
#include "clock.h"
#include "database_files.h"
#include "lock_holder.h"
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

/* Where SQLite locks the index of the log for writing to the log. */
#define WRITE_LOCK_BYTE 120

/* Pages in the log of commits, at which it is copied into the file. */
#define LOG_PAGES 1000

/*
 * The first log of a process is copied at this age, however short it is. From then on the file differs from
 * any copy that was made before the process started, so that its log cannot be taken for that of the copy.
 */
#define FIRST_LOG_MS 100

#define LOG_HEADER 32      /* bytes at its start */
#define LOG_PAGE_HEADER 24 /* and before each page */
#define LOG_STEP 65536     /* by which it grows when room is made sure of */

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
    bool is_first_log;
    bool log_has_pages;
    int log_pages;     /* in the log: what is reserved comes behind them */
    int page_size;     /* once database_measure_log() was called, like the next */
    int log_fd;        /* otherwise -1 */
    bool log_is_long;  /* since database_tidy() */
    bool log_is_fresh; /* the transaction at hand is the first of a new log: it is synced after its commit */
    bool is_light;     /* the transaction at hand */
    struct background *sync; /* of the log, on its way; else NULL */
    bool is_ours;            /* opened, checked, and in place so far */
};

/* The folder of a file. To be freed. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = need_strdup(slash == NULL ? "." : path);

    if (slash != NULL)
        folder[slash + 1 - path] = '\0';
    return folder;
}

/* Why nothing can be made in the folder of a file: an errno, 0 if it can. */
static int right_to_make(const char *path)
{
    char *folder = folder_of(path);
    int error = access(folder, W_OK) != 0 ? errno : 0;

    free(folder);
    return error;
}

/* Why the disk did not do what SQLite wanted: an errno, 0 if it is not known. */
static int system_error(const struct database *database)
{
    int error = sqlite3_system_errno(database->handle);

    switch (sqlite3_errcode(database->handle) & 0xFF) {
    case SQLITE_CANTOPEN:
        /* What may not be made, it tries to find. */
        return error == ENOENT && right_to_make(database->path) != 0 ? right_to_make(database->path) : error;
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

enum exit_code database_failure(struct database *database, const char *what)
{
    const char *reason = sqlite3_errmsg(database->handle);
    int error = system_error(database);
    long holder;

    if (error != 0)
        report("cannot %s '%s': %s: %s", what, printable_text(database->path), reason, strerror(error));
    else if ((sqlite3_errcode(database->handle) & 0xFF) == SQLITE_BUSY && database->files.index != NULL &&
             (holder = lock_holder(database->files.index, WRITE_LOCK_BYTE)) > 0)
        report("cannot %s '%s': %s: process %ld has held it for more than %d s", what,
               printable_text(database->path), reason, holder, BUSY_MS / 1000);
    else
        report("cannot %s '%s': %s", what, printable_text(database->path), reason);
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

char *database_place(const struct database_kind *kind)
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
        return NULL;
    }
    path = join(folder, kind->file);
    free(folder);
    return path;
}

static char *find_path(const struct database_kind *kind)
{
    char *path = database_place(kind);

    if (path == NULL)
        report("nothing says where to keep data: set %s, XDG_STATE_HOME or HOME", kind->variable);
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
    int user_version = 0;
    int schema = 0;
    enum exit_code code = read_number(database, "PRAGMA application_id", &application);

    *version = 0;
    if (code == EXIT_OK)
        code = read_number(database, "PRAGMA user_version", &user_version);
    database->seen.application = (uint32_t)application;
    database->seen.user_version = (uint32_t)user_version;
    *version = database_version_of(database->seen.user_version);
    if (code == EXIT_OK && application == 0)
        code = read_number(database, "SELECT count(*) FROM sqlite_master", &schema);
    if (code != EXIT_OK)
        return code;
    if (application == 0 && *version == 0 && schema == 0)
        return EXIT_OK;
    if (application == kind->application && *version >= 1 && *version <= kind->version)
        return EXIT_OK;
    if (application == 0 || (application == kind->application && *version < 1))
        report("'%s' is a database of something else, or made of a dump, which loses application_id (%d) and "
               "user_version (%d): %s names it",
               printable_text(database->path), kind->application, kind->version, kind->variable);
    else if (application != kind->application)
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
    uint32_t user_version = database_marks_of(database->seen.user_version) | (uint32_t)kind->version;
    char pragmas[128];
    enum exit_code code = version == 0 ? run_sql(database, kind->schema, "set up") : EXIT_OK;

    for (int from = version; from > 0 && from < kind->version && code == EXIT_OK; from++)
        code = run_sql(database, kind->upgrades[from - 1], "upgrade");
    (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   kind->application, (int)user_version);
    database->seen.user_version = user_version;
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
    if (code == EXIT_OK)
        return database_commit(database);
    database_roll_back(database);
    return code;
}

static int note_log(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct database *database = context;

    (void)handle;
    (void)name;
    database->log_has_pages = true;
    database->log_pages = pages;
    database->log_is_long = pages >= LOG_PAGES;
    return SQLITE_OK;
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
static enum exit_code synchronize(struct database *database, const char *how)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA synchronous = %s", how);
    return run_sql(database, sql, "set up");
}

/* ---- the files ---- */

/* Says what is not in place any more, and that the database is not to be touched again. */
static enum exit_code lose(struct database *database, const char *name)
{
    report("'%s' was removed or replaced while in use", printable_text(name));
    database->is_ours = false;
    return EXIT_STORE;
}

/*
 * Does the log belong to the file? Looks at both within one transaction, since others may copy the one into
 * the other.
 */
static enum exit_code look_at_log(struct database *database, bool *belongs)
{
    struct database_header file;
    int user_version = 0;
    int cookie = 0;
    enum exit_code code = run_prepared(database, &database->begin_reading, "BEGIN", "read");

    if (code == EXIT_OK)
        code = read_number(database, "PRAGMA user_version", &user_version);
    if (code == EXIT_OK)
        code = read_number(database, "PRAGMA schema_version", &cookie);
    if (code == EXIT_OK) {
        database->seen.user_version = (uint32_t)user_version;
        database->seen.schema_cookie = (uint32_t)cookie;
        *belongs =
            (database_header_read(database->handle, &file) && database_log_belongs(&file, &database->seen)) ||
            database_log_changed_schema(database->handle, &database->seen);
    }
    database_roll_back(database);
    return code;
}

/* The same, at little cost unless another process has begun another log. */
static enum exit_code check_log(struct database *database, bool *belongs)
{
    struct database_header file;

    *belongs = database_header_read(database->handle, &file) && database_log_belongs(&file, &database->seen);
    return *belongs ? EXIT_OK : look_at_log(database, belongs);
}

enum exit_code database_check_files(struct database *database)
{
    const char *lost = database_files_lost(&database->files);
    bool belongs = true;
    enum exit_code code = lost == NULL ? check_log(database, &belongs) : EXIT_OK;

    if (code == EXIT_OK && lost == NULL && !belongs)
        lost = database->path;
    return lost == NULL ? code : lose(database, lost);
}

void database_watch(struct database *database, const char *path)
{
    database_files_learn_other(&database->files, path);
}

static bool first_log_is_old(const struct database *database)
{
    return database->is_first_log && database->log_has_pages &&
           clock_steady_ms() - database->opened_ms >= FIRST_LOG_MS;
}

void database_tidy(struct database *database)
{
    bool belongs;

    if (database->sync != NULL || (!database->log_is_long && !first_log_is_old(database)))
        return;
    /* Into no other file: whoever commits next is told of it. */
    if (database_files_lost(&database->files) != NULL || check_log(database, &belongs) != EXIT_OK || !belongs)
        return;
    /* What cannot be copied now, because others read it, is copied later. */
    (void)sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    database->log_is_long = false;
    database->is_first_log = false;
}

static enum exit_code refuse_log(struct database *database)
{
    report("'%s' does not belong to '%s', which was replaced: restore both, or move it away",
           printable_text(database->files.log), printable_text(database->path));
    return EXIT_STORE;
}

/* ---- opening ---- */

static enum exit_code set_up(struct database *database, enum database_access access)
{
    struct database_header file;
    bool belongs = true;
    int version = 0;
    enum exit_code code;

    (void)sqlite3_busy_timeout(database->handle, BUSY_MS);
    (void)sqlite3_wal_hook(database->handle, note_log, database);
    /* One view of it all: another process may be setting it up just now. */
    code = run_prepared(database, &database->begin_reading, "BEGIN", "read");
    if (code == EXIT_OK)
        code = check_version(database, &version);
    database_roll_back(database);
    if (code == EXIT_OK && version != 0 && database_log_size(database->handle) > 0)
        code = look_at_log(database, &belongs);
    else if (code == EXIT_OK && database_header_read(database->handle, &file))
        database->seen.schema_cookie = file.schema_cookie;
    if (!belongs)
        return refuse_log(database);
    if (code != EXIT_OK)
        return code;
    if (access == DATABASE_READ && version == database->kind->version)
        return EXIT_OK;
    if (access == DATABASE_READ && version == 0) {
        report("'%s' has nothing in it", printable_text(database->path));
        return EXIT_STORE;
    }
    code = synchronize(database, "FULL");
    if (code == EXIT_OK)
        code = set_log_mode(database);
    return code == EXIT_OK && version != database->kind->version ? make_schema(database) : code;
}

/*
 * What cannot be a database of ours need not be shown to SQLite, and what the system says of it is clearer.
 */
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
        report("cannot open '%s': it is %s", name, S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    else if (info.st_nlink > 1)
        report(
            "cannot open '%s': it has other names (hard links), and a log of its own would stand beside each",
            name);
    else if (database_file_is_mounted(database->path))
        report("cannot open '%s': it is mounted alone, and its log would not stay with it: mount its folder",
               name);
    else
        return EXIT_OK;
    return EXIT_STORE;
}

/* A new file is private; and if root makes it in somebody's folder, it is for them. */
static enum exit_code give_file(const struct database *database)
{
    const char *path = database_real_path(database);
    struct stat of_folder;
    struct stat info;
    char *folder = folder_of(path);
    bool done = stat(path, &info) == 0;

    if (done && info.st_size == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        done = chmod(path, S_IRUSR | S_IWUSR) == 0;
    if (done && info.st_size == 0 && geteuid() == 0)
        done = stat(folder, &of_folder) == 0 &&
               (of_folder.st_uid == info.st_uid || chown(path, of_folder.st_uid, of_folder.st_gid) == 0);
    free(folder);
    if (done)
        return EXIT_OK;
    report_errno("cannot make '%s' private", printable_text(database->path));
    return EXIT_STORE;
}

/* Is the file on a disk that nobody writes to, and no log beside it? */
static bool is_immutable(const char *real_path)
{
    struct stat info;
    char *log;
    bool has_log;

    if (access(real_path, W_OK) == 0 || errno != EROFS)
        return false;
    log = join(real_path, "-wal");
    has_log = stat(log, &info) == 0 && info.st_size > 0;
    free(log);
    return !has_log;
}

/* The URI of a file that is not to be locked, and beside which nothing need be made. To be freed. */
static char *immutable_uri(const char *path)
{
    size_t size = strlen(path) * 3 + sizeof "file:?immutable=1";
    char *uri = need_calloc(size, 1);
    size_t len = (size_t)snprintf(uri, size, "file:");

    for (; *path != '\0'; path++)
        len += (size_t)snprintf(uri + len, size - len, strchr("%?#", *path) == NULL ? "%c" : "%%%02X",
                                (unsigned char)*path);
    (void)snprintf(uri + len, size - len, "?immutable=1");
    return uri;
}

static int open_handle(struct database *database, enum database_access access)
{
    /* As a path: some names alone mean something else to SQLite. */
    char *file = join(*database->path == '/' ? "" : "./", database->path);
    int flags = SQLITE_OPEN_READWRITE | (access == DATABASE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int result = sqlite3_open_v2(file, &database->handle, flags, NULL);

    if (result == SQLITE_OK && access == DATABASE_READ && is_immutable(database_real_path(database))) {
        char *uri = immutable_uri(file);

        (void)sqlite3_close(database->handle);
        result = sqlite3_open_v2(uri, &database->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
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

enum exit_code database_open(const struct database_kind *kind, const char *path, enum database_access access,
                             struct database **out)
{
    struct database *database = need_calloc(1, sizeof *database);
    enum exit_code code = EXIT_OK;
    mode_t before;

    *out = NULL;
    /* No program of ours has a second thread: locks and counts for others cost a twentieth of an order. */
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    database->kind = kind;
    database->opened_ms = clock_steady_ms();
    database->is_first_log = true;
    database->log_fd = -1;
    database->path = path == NULL ? find_path(kind) : need_strdup(path);
    if (database->path == NULL)
        code = EXIT_STORE;
    else if (access == DATABASE_CREATE)
        code = make_folders(database->path);
    if (code == EXIT_OK)
        code = look_at_file(database, access);
    if (code == EXIT_OK) {
        before = umask(S_IRWXG | S_IRWXO);
        code = open_file(database, access);
        if (code == EXIT_OK)
            code = set_up(database, access);
        database->is_ours = code == EXIT_OK;
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

/*
 * The last to close the database copies its log into it and removes the log: but not into a file that is not
 * ours, or beside one that took its place.
 */
void database_close(struct database *database)
{
    sqlite3_stmt *statement;

    if (database == NULL)
        return;
    (void)database_settle(database);
    if (database->is_ours)
        (void)database_check_files(database);
    while (database->handle != NULL && (statement = sqlite3_next_stmt(database->handle, NULL)) != NULL)
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

/* ---- transactions ---- */

static void end_transaction(struct database *database)
{
    bool is_full = !database->is_light && !database->log_is_fresh;

    /* The next one would not be safe. */
    if (!is_full && synchronize(database, "FULL") != EXIT_OK)
        die(EXIT_STORE, "cannot go on without syncs");
    database->is_light = false;
    database->log_is_fresh = false;
}

/* Draws a new mark if this is the first transaction of a log. */
static enum exit_code mark_log(struct database *database)
{
    char sql[64];
    int user_version = 0;
    enum exit_code code;

    if (!database_log_is_done(database->handle))
        return EXIT_OK;
    code = read_number(database, "PRAGMA user_version", &user_version);
    if (code != EXIT_OK)
        return code;
    database->seen.user_version = database_mark_next((uint32_t)user_version);
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d", (int)database->seen.user_version);
    return run_sql(database, sql, "write to");
}

static enum exit_code begin_writing(struct database *database)
{
    enum exit_code code = run_prepared(database, &database->begin, "BEGIN IMMEDIATE", "write to");

    if (code == EXIT_OK)
        code = mark_log(database);
    if (code != EXIT_OK)
        database_roll_back(database);
    return code;
}

/*
 * SQLite syncs the first bytes of a log before the rest. In a log that is new, one sync after all of it is
 * as safe: without it the log is one that ends early. A program that stores one order spends much of its
 * time on syncs.
 */
static enum exit_code begin_fresh_log(struct database *database)
{
    enum exit_code code = synchronize(database, "OFF");

    database->log_is_fresh = true;
    if (code == EXIT_OK)
        code = begin_writing(database);
    /* Another process was quicker. */
    if (code == EXIT_OK && database_log_size(database->handle) > 0)
        database_roll_back(database);
    return code;
}

enum exit_code database_begin(struct database *database)
{
    enum exit_code code = database_settle(database);

    if (code != EXIT_OK)
        return code;
    if (first_log_is_old(database))
        database_tidy(database);
    if (database_log_is_open(database->handle) && database_log_size(database->handle) == 0) {
        code = begin_fresh_log(database);
        if (code != EXIT_OK || database->log_is_fresh)
            return code;
    }
    return begin_writing(database);
}

enum exit_code database_begin_lightly(struct database *database)
{
    enum exit_code code = database_settle(database);

    if (code == EXIT_OK)
        code = synchronize(database, "NORMAL");
    if (code != EXIT_OK)
        return code;
    database->is_light = true;
    return begin_writing(database);
}

enum exit_code database_begin_reading(struct database *database)
{
    enum exit_code code = database_settle(database);

    if (code == EXIT_OK)
        code = database_check_files(database);
    return code == EXIT_OK ? run_prepared(database, &database->begin_reading, "BEGIN", "read") : code;
}

void database_roll_back(struct database *database)
{
    /* After a failed commit the transaction may be over already. */
    if (sqlite3_get_autocommit(database->handle) == 0)
        (void)run_prepared(database, &database->roll_back, "ROLLBACK", "write to");
    end_transaction(database);
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

enum exit_code database_settle(struct database *database)
{
    struct background *sync = database->sync;

    database->sync = NULL;
    return sync == NULL ? EXIT_OK : report_sync(database, background_finish(sync));
}

static enum exit_code commit(struct database *database, bool ahead)
{
    bool must_sync = database->log_is_fresh;
    enum exit_code code = run_prepared(database, &database->commit, "COMMIT", "write to");

    if (code != EXIT_OK) {
        database_roll_back(database);
        return code;
    }
    end_transaction(database);
    if (must_sync && ahead)
        database->sync = background_start(sync_log, database->handle);
    if (must_sync && database->sync == NULL)
        code = report_sync(database, sync_log(database->handle));
    return code == EXIT_OK ? database_check_files(database) : code;
}

enum exit_code database_commit(struct database *database)
{
    return commit(database, false);
}

enum exit_code database_commit_ahead(struct database *database)
{
    return commit(database, true);
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
