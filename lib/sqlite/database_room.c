#include "sqlite/database_room.h"

#include "base/text.h"
#include "sqlite/database_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#define LOG_HEADER 32      /* bytes */
#define LOG_PAGE_HEADER 24 /* before each page */
#define LOG_STEP 65536     /* bytes by which it grows */
#define PAGES_IN_USE 8     /* that a cache flush leaves until the commit, at most */

enum exit_code database_room_open(struct database *database)
{
    enum exit_code code = database_read_number(database, "PRAGMA page_size", &database->page_size);

    if (code != EXIT_OK)
        return code;
    database->log_fd = open(database->files.log, O_RDWR | O_CLOEXEC);
    if (database->log_fd < 0) {
        report_errno("cannot open '%s'", printable_text(database->files.log));
        return EXIT_STORE;
    }
    database_room_start(database);
    return EXIT_OK;
}

/* Returns the pages written to the log since the count began. With begin_anew it begins again. */
static size_t count_written(const struct database *database, bool begin_anew)
{
    int pages = 0;
    int highest = 0;

    (void)sqlite3_db_status(database->handle, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &highest,
                            begin_anew);
    return (size_t)pages;
}

void database_room_start(struct database *database)
{
    if (database->log_fd >= 0)
        (void)count_written(database, true);
}

static enum exit_code refuse(const struct database *database)
{
    report_errno("cannot write to '%s'", printable_text(database->path));
    return EXIT_STORE;
}

static enum exit_code grow_log(const struct database *database, size_t pages)
{
    off_t size = LOG_HEADER + (off_t)pages * (LOG_PAGE_HEADER + database->page_size);
    struct stat status;

    if (fstat(database->log_fd, &status) == 0 && status.st_size >= size)
        return EXIT_OK;
    size = (size + LOG_STEP - 1) / LOG_STEP * LOG_STEP;
    do {
        errno = posix_fallocate(database->log_fd, 0, size);
    } while (errno == EINTR);
    return errno == 0 ? EXIT_OK : refuse(database);
}

/*
 * Flushes the pages of the transaction at hand to the log, but for the few in use until the commit:
 * then it is known where the next transaction begins. If that one begins the log anew, the room at
 * the start is its own.
 */
enum exit_code database_reserve(struct database *database, size_t pages, size_t bytes)
{
    int result = sqlite3_db_cacheflush(database->handle);
    enum exit_code code;

    if (result != SQLITE_OK)
        return database_failure_of(database, "write to", result);
    /* Overflow pages: fewer than two for each page that a value would fill. */
    pages += 2 * bytes / (size_t)database->page_size + PAGES_IN_USE;
    pages += database_log_pages(database->handle) + count_written(database, false);
    code = grow_log(database, pages);
    if (code == EXIT_OK && database_index_extend(database->handle, (uint32_t)pages) != SQLITE_OK)
        code = refuse(database);
    return code;
}
