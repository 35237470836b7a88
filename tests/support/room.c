/*
 * room: tries whether room that was reserved is there when the disk is full.
 *
 *   room DATABASE FILL ROUNDS    DATABASE on a small file system, FILL a file there that fills it
 *
 * Each round writes some pages and reserves room for some more, fills the file system, and writes
 * them: that has to succeed. In between the log is copied into the file and begins anew, or it
 * cannot, because somebody reads the file: then it grows, and its index with it. Prints how long it
 * was at most, in pages.
 */
#include "base/report.h"
#include "sqlite/database.h"
#include "sqlite/database_files.h"
#include "sqlite/database_room.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS 400      /* each of which has a page of its own */
#define ROW_SIZE 3000 /* bytes */
#define FIRST_ROWS 40 /* at most, before room is reserved */
#define BESIDES 4     /* pages besides those of the rows */
#define READS 60      /* rounds, of which half are with a reader */

#define AS_TEXT(value) #value
#define STRING(value) AS_TEXT(value)

static const struct database_kind kind = {
    .variable = "ROOM",
    .file = "room.db",
    .schema = "CREATE TABLE page (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    .application = 1,
    .version = 1,
};

static struct database *database;
static sqlite3_stmt *put;
static sqlite3 *reader;

static void need(enum exit_code code, const char *what)
{
    if (code != EXIT_OK)
        die((int)code, "%s", what);
}

static void fill(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);
    static const char bytes[1 << 20];

    if (fd < 0)
        die(EXIT_BUG, "cannot open '%s'", path);
    while (write(fd, bytes, sizeof bytes) > 0)
        continue;
    (void)close(fd);
}

/* Gives so many rows, from any one on, other bytes. */
static enum exit_code write_rows(int count)
{
    enum exit_code code = EXIT_OK;
    int first = rand() % ROWS;

    for (int i = 0; i < count && code == EXIT_OK; i++) {
        database_bind_int(put, 1, (first + i) % ROWS);
        code = database_run(database, put);
    }
    return code;
}

static void read_on(bool reads)
{
    if (reads == (sqlite3_get_autocommit(reader) == 0))
        return;
    if (sqlite3_exec(reader, reads ? "BEGIN; SELECT count(*) FROM page" : "ROLLBACK", NULL, NULL,
                     NULL) != SQLITE_OK)
        die(EXIT_BUG, "the reader: %s", sqlite3_errmsg(reader));
}

static uint32_t try_once(const char *fill_path)
{
    int later = 1 + rand() % ROWS;
    uint32_t pages;

    need(database_begin(database), "begin");
    need(write_rows(rand() % FIRST_ROWS), "the first");
    need(database_reserve(database, (size_t)later + BESIDES, 0), "reserve");
    need(database_end(database, EXIT_OK), "commit of the first");
    if (rand() % 2 == 0)
        database_checkpoint(database);
    fill(fill_path);
    if (rand() % 2 == 0)
        database_checkpoint(database);
    need(database_begin_relaxed(database), "begin lightly");
    need(write_rows(later), "the second");
    need(database_end(database, EXIT_OK), "commit of the second");
    need(database_begin(database), "begin to look");
    pages = database_log_pages(sqlite3_db_handle(put));
    database_roll_back(database);
    if (unlink(fill_path) != 0)
        die(EXIT_BUG, "cannot remove '%s'", fill_path);
    return pages;
}

int main(int argc, char **argv)
{
    const struct database_statement statement = {
        &put, "INSERT OR REPLACE INTO page VALUES (?1, randomblob(" STRING(ROW_SIZE) "))"};
    uint32_t most = 0;

    report_program(argv[0]);
    if (argc != 4)
        die(EXIT_USAGE, "usage: room DATABASE FILL ROUNDS");
    need(database_open(&kind, argv[1], DATABASE_CREATE, &database), "open");
    need(database_prepare(database, &statement, 1), "prepare");
    need(database_room_open(database), "room");
    if (sqlite3_open_v2(argv[1], &reader, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        die(EXIT_BUG, "the reader: %s", sqlite3_errmsg(reader));
    for (int round = 0; round < atoi(argv[3]); round++) {
        uint32_t pages;

        read_on(round % READS >= READS / 2);
        pages = try_once(argv[2]);
        most = pages > most ? pages : most;
    }
    (void)sqlite3_close(reader);
    database_close(database);
    printf("%" PRIu32 "\n", most);
    return EXIT_OK;
}
