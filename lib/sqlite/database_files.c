#define _GNU_SOURCE /* statx() */

#include "sqlite/database_files.h"

#include "base/memory.h"
#include "sqlite/database_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER_SIZE 100
#define CHANGES_AT 24
#define COOKIE_AT 40
#define USER_VERSION_AT 60
#define APPLICATION_AT 68

/* The index of the log, as SQLite documents it: regions of this size, the first one with a
 * header. */
#define INDEX_REGION 32768
#define INDEX_PAGES 4096       /* of the log that a region covers */
#define INDEX_LESS_IN_FIRST 34 /* fewer pages in the first region, because of its header */
#define INDEX_FRAMES_AT 16
#define INDEX_COPIED_AT 96

/* The log has a header, and another one before each page. */
#define LOG_HEADER_SIZE 32
#define LOG_PAGE_SIZE_AT 8
#define LOG_SALT_AT 16
#define SALT_SIZE 8
#define FRAME_HEADER_SIZE 24
#define FRAME_SALT_AT 8

/* The schema cookie that SQLite gives a backup in a new file. */
#define BACKUP_COOKIE 1

#define VERSION_BITS 8
#define MARK_BITS 12
#define VERSION_MASK ((1U << VERSION_BITS) - 1)
#define MARK_MASK ((1U << MARK_BITS) - 1)

/* ---- identity ---- */

static struct file_identity identify(const char *path)
{
    struct stat info;
    struct file_identity identity = {.is_known = path != NULL && stat(path, &info) == 0};

    if (identity.is_known) {
        identity.device = info.st_dev;
        identity.inode = info.st_ino;
    }
    return identity;
}

static bool is_in_place(const char *path, const struct file_identity *before)
{
    struct file_identity now;

    if (!before->is_known)
        return true;
    now = identify(path);
    return now.is_known && now.device == before->device && now.inode == before->inode;
}

void database_files_learn(struct database_files *files, sqlite3 *handle, const char *path)
{
    const char *real_path = sqlite3_db_filename(handle, "main");

    files->handle = handle;
    files->path = path;
    files->log = database_join(real_path, "-wal");
    files->index = database_join(real_path, "-shm");
    files->of_path = identify(path);
}

void database_files_learn_log(struct database_files *files)
{
    files->of_log = identify(files->log);
    files->of_index = identify(files->index);
}

void database_files_learn_other(struct database_files *files, const char *path)
{
    free(files->other);
    files->other = xstrdup(path);
    files->of_other = identify(path);
}

void database_files_free(struct database_files *files)
{
    free(files->other);
    free(files->log);
    free(files->index);
}

const char *database_files_lost(const struct database_files *files)
{
    if (!is_in_place(files->path, &files->of_path))
        return files->path;
    if (!is_in_place(files->log, &files->of_log))
        return files->log;
    if (!is_in_place(files->index, &files->of_index))
        return files->index;
    return is_in_place(files->other, &files->of_other) ? NULL : files->other;
}

bool database_file_is_mounted(const char *path)
{
    struct statx info;

    return statx(AT_FDCWD, path, 0, STATX_TYPE, &info) == 0 &&
           (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* ---- the log ---- */

static sqlite3_file *file_of(sqlite3 *handle, int which)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(handle, "main", which, &file) != SQLITE_OK || file == NULL ||
        file->pMethods == NULL)
        return NULL;
    return file;
}

/* Returns the log, NULL if SQLite does not have it open: then mapping the index would create it. */
static sqlite3_file *log_of(sqlite3 *handle)
{
    return file_of(handle, SQLITE_FCNTL_JOURNAL_POINTER);
}

bool database_log_is_open(sqlite3 *handle)
{
    return log_of(handle) != NULL;
}

int64_t database_log_size(sqlite3 *handle)
{
    sqlite3_file *log = log_of(handle);
    sqlite3_int64 size = 0;

    return log != NULL && log->pMethods->xFileSize(log, &size) == SQLITE_OK ? size : 0;
}

int database_log_sync(sqlite3 *handle)
{
    sqlite3_file *log = log_of(handle);

    return log == NULL ? SQLITE_OK : log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
}

static uint32_t index_field(const volatile char *index, size_t at)
{
    const volatile uint32_t *field = (const volatile uint32_t *)(const volatile void *)(index + at);

    return *field;
}

/* Maps a region of the index; *index is NULL if it is not there. Returns an SQLite result code. */
static int map_index(sqlite3 *handle, int region, bool extend, void volatile **index)
{
    sqlite3_file *file = file_of(handle, SQLITE_FCNTL_FILE_POINTER);

    *index = NULL;
    if (file == NULL || log_of(handle) == NULL || file->pMethods->iVersion < 2)
        return SQLITE_OK;
    return file->pMethods->xShmMap(file, region, INDEX_REGION, extend ? 1 : 0, index);
}

bool database_log_is_done(sqlite3 *handle)
{
    void volatile *index;

    if (map_index(handle, 0, false, &index) != SQLITE_OK || index == NULL)
        return true;
    return index_field(index, INDEX_FRAMES_AT) == index_field(index, INDEX_COPIED_AT);
}

uint32_t database_log_pages(sqlite3 *handle)
{
    void volatile *index;

    if (map_index(handle, 0, false, &index) != SQLITE_OK || index == NULL)
        return 0;
    return index_field(index, INDEX_FRAMES_AT);
}

int database_index_extend(sqlite3 *handle, uint32_t pages)
{
    void volatile *index;

    return map_index(handle, (int)((pages + INDEX_LESS_IN_FIRST - 1) / INDEX_PAGES), true, &index);
}

/* ---- the header, and the marks in it ---- */

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

bool database_header_read(sqlite3 *handle, struct database_header *header)
{
    unsigned char bytes[HEADER_SIZE];
    sqlite3_file *file = file_of(handle, SQLITE_FCNTL_FILE_POINTER);

    if (file == NULL || file->pMethods->xRead(file, bytes, HEADER_SIZE, 0) != SQLITE_OK)
        return false;
    header->schema_cookie = big_endian(bytes + COOKIE_AT);
    header->user_version = big_endian(bytes + USER_VERSION_AT);
    header->application = big_endian(bytes + APPLICATION_AT);
    return true;
}

static uint32_t own_of(uint32_t user_version)
{
    return user_version >> VERSION_BITS & MARK_MASK;
}

static uint32_t parent_of(uint32_t user_version)
{
    return user_version >> (VERSION_BITS + MARK_BITS) & MARK_MASK;
}

uint32_t database_mark_next(uint32_t user_version)
{
    uint32_t parent = own_of(user_version);
    uint32_t own = 0;

    while (own == 0 || own == parent) {
        sqlite3_randomness((int)sizeof own, &own);
        own &= MARK_MASK;
    }
    return (user_version & VERSION_MASK) | own << VERSION_BITS |
           parent << (VERSION_BITS + MARK_BITS);
}

static bool marks_fit(const struct database_header *file, const struct database_header *seen)
{
    uint32_t own = own_of(file->user_version);

    return own == own_of(seen->user_version) || own == parent_of(seen->user_version);
}

bool database_log_belongs(const struct database_header *file, const struct database_header *seen)
{
    /* A file that is not set up, or only in its log, has no marks. */
    if (own_of(seen->user_version) == 0 || file->application == 0)
        return true;
    if (!marks_fit(file, seen))
        return false;
    /* A backup made by SQLite has the marks of its time, but its schema cookie starts anew. Of
     * changes of the schema, only an upgrade of ours may be in the log and not yet in the file. */
    return file->schema_cookie == seen->schema_cookie ||
           database_version_of(file->user_version) < database_version_of(seen->user_version);
}

/* Returns whether page, the first page 1 in the log, can have been written after a file with
 * that header. */
static bool is_next(const unsigned char *file, const unsigned char *page)
{
    uint32_t cookie = big_endian(file + COOKIE_AT);
    uint32_t next_cookie = big_endian(page + COOKIE_AT);

    if (cookie == next_cookie)
        return true;
    /* Another program has begun the log with a change of the schema, which draws no mark. */
    return cookie > BACKUP_COOKIE && cookie < next_cookie &&
           memcmp(file + USER_VERSION_AT, page + USER_VERSION_AT, sizeof(uint32_t)) == 0 &&
           big_endian(page + CHANGES_AT) - big_endian(file + CHANGES_AT) <= 1;
}

bool database_log_changed_schema(sqlite3 *handle, const struct database_header *seen)
{
    sqlite3_file *file = file_of(handle, SQLITE_FCNTL_FILE_POINTER);
    sqlite3_file *log = log_of(handle);
    struct database_header header;
    unsigned char bytes[HEADER_SIZE];
    unsigned char start[LOG_HEADER_SIZE];
    unsigned char frame[FRAME_HEADER_SIZE + HEADER_SIZE];
    const unsigned char *page = frame + FRAME_HEADER_SIZE;
    bool is_first = true;
    bool belongs = false;

    if (!database_header_read(handle, &header) || !marks_fit(&header, seen) || log == NULL ||
        file->pMethods->xRead(file, bytes, HEADER_SIZE, 0) != SQLITE_OK ||
        log->pMethods->xRead(log, start, LOG_HEADER_SIZE, 0) != SQLITE_OK)
        return false;
    for (sqlite3_int64 at = LOG_HEADER_SIZE;
         !belongs && log->pMethods->xRead(log, frame, sizeof frame, at) == SQLITE_OK &&
         memcmp(frame + FRAME_SALT_AT, start + LOG_SALT_AT, SALT_SIZE) == 0;
         at += FRAME_HEADER_SIZE + (sqlite3_int64)big_endian(start + LOG_PAGE_SIZE_AT)) {
        if (big_endian(frame) != 1)
            continue;
        /* A page that was copied into the file is the same to the byte. */
        belongs = memcmp(bytes, page, HEADER_SIZE) == 0 || (is_first && is_next(bytes, page));
        is_first = false;
    }
    return belongs;
}

int database_version_of(uint32_t user_version)
{
    return (int)(user_version & VERSION_MASK);
}

uint32_t database_marks_of(uint32_t user_version)
{
    return user_version & ~VERSION_MASK;
}
