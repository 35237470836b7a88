#include "sqlite/runs.h"

#include "base/memory.h"
#include "base/text.h"
#include "sqlite/database_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uuid/uuid.h>

struct runs {
    struct database *database;
    char *path;
    int fd;
    int64_t own;
};

static struct flock run_lock(int64_t run, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)run, .l_len = 1};
}

static int64_t new_number(void)
{
    int64_t number = 0;
    uuid_t random;

    while (number == 0) {
        uuid_generate_random(random);
        memcpy(&number, random, sizeof number);
        number &= INT64_MAX >> 1;
    }
    return number;
}

/* A file of locks that root owns would lock out the service that owns the database. */
static bool give_to_owner(const struct runs *runs, const char *database)
{
    struct stat of_database;
    struct stat of_runs;

    if (stat(database, &of_database) != 0 || fstat(runs->fd, &of_runs) != 0)
        return false;
    return geteuid() != 0 ||
           (of_database.st_uid == of_runs.st_uid && of_database.st_gid == of_runs.st_gid) ||
           fchown(runs->fd, of_database.st_uid, of_database.st_gid) == 0;
}

enum exit_code runs_open(struct database *database, struct runs **out)
{
    struct runs *runs = xcalloc(1, sizeof *runs);
    const char *path = database_real_path(database);
    struct flock lock;
    mode_t before;

    *out = NULL;
    runs->database = database;
    runs->path = database_join(path, "-runs");
    runs->own = new_number();
    lock = run_lock(runs->own, F_WRLCK);
    before = umask(S_IRWXG | S_IRWXO);
    runs->fd = open(runs->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    (void)umask(before);
    if (runs->fd < 0 || !give_to_owner(runs, path) || fcntl(runs->fd, F_SETLK, &lock) != 0) {
        report_errno("cannot lock '%s'", printable_text(runs->path));
        runs_close(runs);
        return EXIT_STORE;
    }
    /* In another file of that name nobody would find the lock. */
    database_watch(database, runs->path);
    *out = runs;
    return EXIT_OK;
}

enum exit_code runs_some_live(const struct database *database, bool *some)
{
    char *path = database_join(database_real_path(database), "-runs");
    /* Of all bytes. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool is_absent = fd < 0 && errno == ENOENT;
    enum exit_code code = EXIT_OK;

    if (!is_absent && (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0)) {
        report_errno("cannot look at the locks of '%s'", printable_text(path));
        code = EXIT_STORE;
    }
    *some = code == EXIT_OK && !is_absent && lock.l_type != F_UNLCK;
    if (fd >= 0)
        (void)close(fd);
    free(path);
    return code;
}

void runs_close(struct runs *runs)
{
    if (runs == NULL)
        return;
    if (runs->fd >= 0)
        (void)close(runs->fd);
    free(runs->path);
    free(runs);
}

int64_t runs_own(const struct runs *runs)
{
    return runs->own;
}

enum exit_code runs_has_ended(struct runs *runs, int64_t run, bool *ended)
{
    struct flock lock = run_lock(run, F_WRLCK);

    *ended = run <= 0;
    /* F_GETLK ignores locks of the caller. */
    if (run <= 0 || run == runs->own)
        return EXIT_OK;
    if (fcntl(runs->fd, F_GETLK, &lock) != 0) {
        report_errno("cannot look at the locks of '%s'", printable_text(runs->path));
        return EXIT_STORE;
    }
    *ended = lock.l_type == F_UNLCK;
    return EXIT_OK;
}

/* Finds one of the runs that others gives which has ended. */
static enum exit_code find_ended(struct runs *runs, sqlite3_stmt *others, int64_t *run, bool *found)
{
    enum exit_code code;
    bool ended = false;

    database_bind_int(others, 1, runs->own);
    do {
        code = database_row(runs->database, others, found);
        if (code != EXIT_OK || !*found)
            break;
        *run = sqlite3_column_int64(others, 0);
        code = runs_has_ended(runs, *run, &ended);
    } while (code == EXIT_OK && !ended);
    (void)sqlite3_reset(others);
    return code;
}

enum exit_code runs_left_some(struct runs *runs, sqlite3_stmt *others, bool *some)
{
    int64_t run;

    return find_ended(runs, others, &run, some);
}

enum exit_code runs_take_over(struct runs *runs, sqlite3_stmt *others, sqlite3_stmt *take_over)
{
    int64_t run = 0;
    bool found;
    enum exit_code code = find_ended(runs, others, &run, &found);

    while (code == EXIT_OK && found) {
        database_bind_int(take_over, 1, runs->own);
        database_bind_int(take_over, 2, run);
        code = database_run(runs->database, take_over);
        if (code == EXIT_OK)
            code = find_ended(runs, others, &run, &found);
    }
    return code;
}
