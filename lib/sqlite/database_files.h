/*
 * database_files: the files of an open SQLite database as they lie on the disk: the database, its
 * log of commits ("<path>-wal") and the index of the log ("<path>-shm").
 *
 * SQLite keeps them open and does not notice when somebody removes or replaces them: it goes on
 * with files that have no name any more. And it takes any sound log for that of the database beside
 * it, also one that was left by a killed run when a backup is copied over the database. The
 * functions here tell both.
 *
 * A log belongs to a database by two marks of 12 bits in the user_version of the database header
 * (the lowest 8 bits are the version of the schema): own, and parent. The first transaction of each
 * log draws a new own mark, and makes the mark that the file has at that time the parent. So the
 * file itself always has one or the other of those that the log ends with: the parent until the log
 * is copied into it, then its own.
 */
#ifndef SQLITE_DATABASE_FILES_H
#define SQLITE_DATABASE_FILES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct file_identity {
    bool is_known;
    dev_t device;
    ino_t inode;
};

struct database_files {
    sqlite3 *handle;
    const char *path; /* as it was given */
    char *log;
    char *index;
    char *other; /* one that is not SQLite's: see database_files_learn_other() */
    struct file_identity of_path;
    struct file_identity of_log;
    struct file_identity of_index;
    struct file_identity of_other;
};

/* Fields of a database's header. */
struct database_header {
    uint32_t schema_cookie;
    uint32_t user_version;
    uint32_t application;
};

/*
 * Learns the database file of a handle that was just opened. path must outlive files. Free with
 * database_files_free().
 */
void database_files_learn(struct database_files *files, sqlite3 *handle, const char *path);

/* Learns the log and its index, once SQLite has opened them. Without a log, nothing is learnt. */
void database_files_learn_log(struct database_files *files);

/* Learns one more file, which is to stay in its place as well. */
void database_files_learn_other(struct database_files *files, const char *path);

void database_files_free(struct database_files *files);

/*
 * Returns the name of a file that is no longer the one that SQLite has open, NULL if all are. Three
 * or four calls of stat(), to be afforded at each commit.
 */
const char *database_files_lost(const struct database_files *files);

/* Returns whether the file itself is a mount point, as in a container that is given one file and
 * not its folder. */
bool database_file_is_mounted(const char *path);

bool database_log_is_open(sqlite3 *handle);

/* Returns the size of the log in bytes, 0 without one. */
int64_t database_log_size(sqlite3 *handle);

/* Syncs the log and, if it is new, its folder. Returns an SQLite result code. */
int database_log_sync(sqlite3 *handle);

/*
 * True if the next transaction that writes may be the first of a log: there is nothing in it yet,
 * or all of it was copied into the database. Valid within a write transaction.
 */
bool database_log_is_done(sqlite3 *handle);

/* Returns the pages in the log, of all transactions that were committed. Valid within a write
 * transaction. */
uint32_t database_log_pages(sqlite3 *handle);

/*
 * Makes the index as long as it is with so many pages in the log. Returns an SQLite result code;
 * errno says why it cannot.
 */
int database_index_extend(sqlite3 *handle, uint32_t pages);

/* Reads the header of the file itself, past the log. False if it is too short, or cannot be read.
 */
bool database_header_read(sqlite3 *handle, struct database_header *header);

/* Returns a user_version with a new own mark, for the first transaction of a log. */
uint32_t database_mark_next(uint32_t user_version);

/*
 * Does a log that ends with the values of seen belong to a file with that header? True if either
 * was never marked: so for logs and files of earlier versions.
 */
bool database_log_belongs(const struct database_header *file, const struct database_header *seen);

/*
 * The same where database_log_belongs() says no because the schema is another one: reads the log,
 * and returns true if it began with this file, and somebody has changed the schema in it since
 * (VACUUM, ANALYZE, a table of a program that copies databases). Valid within a transaction. Reads
 * at most as often as the log has pages.
 */
bool database_log_changed_schema(sqlite3 *handle, const struct database_header *seen);

/* Returns the version of the schema, and the marks, in a user_version. */
int database_version_of(uint32_t user_version);
uint32_t database_marks_of(uint32_t user_version);

#endif
