/*
 * database_files: the files of an open SQLite database: the database itself, its write-ahead log
 * ("<path>-wal") and the index of the log ("<path>-shm").
 *
 * SQLite keeps them open and does not notice when they are removed or replaced: it goes on with
 * files that have no name any more. And it takes any sound log for that of the database beside it,
 * even one that a killed run left behind before a backup was copied over the database. The
 * functions here notice both.
 *
 * A log belongs to a database by two marks of 12 bits in the user_version of the database header
 * (the lowest 8 bits are the version of the schema): own, and parent. The first transaction of each
 * log draws a new own mark, and makes the mark that the file has at that time the parent. So the
 * file itself always has one of the two that the log ends with: the parent until the log is copied
 * into it, and then the log's own.
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
    char *other; /* see database_files_learn_other() */
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

/* Notes the identity of the database file of a handle that was just opened. path must outlive
 * files, which are freed with database_files_free(). */
void database_files_learn(struct database_files *files, sqlite3 *handle, const char *path);

/* Notes the identity of the log and its index, once SQLite has opened them. Harmless without a
 * log. */
void database_files_learn_log(struct database_files *files);

/* Notes the identity of one more file, which is not SQLite's and must stay in place as well. */
void database_files_learn_other(struct database_files *files, const char *path);

void database_files_free(struct database_files *files);

/* Returns the name of a file that was removed or replaced since its identity was noted; NULL if
 * none was. Costs three or four calls of stat(). */
const char *database_files_lost(const struct database_files *files);

/* Returns whether the file at path is a mount point itself, as in a container into which one file
 * is mounted instead of its folder. */
bool database_file_is_mounted(const char *path);

/* Returns whether SQLite has the log open. */
bool database_log_is_open(sqlite3 *handle);

/* Returns the size of the log in bytes; 0 if there is none. */
int64_t database_log_size(sqlite3 *handle);

/* Syncs the log and, if it is new, its folder. Returns an SQLite result code. */
int database_log_sync(sqlite3 *handle);

/* Returns whether the write transaction at hand may be the first of a log: the log is empty, or all
 * of it was copied into the database. To be called within one. */
bool database_log_is_done(sqlite3 *handle);

/* Returns the number of pages in the log, of all committed transactions. To be called within a
 * write transaction. */
uint32_t database_log_pages(sqlite3 *handle);

/* Makes the index as long as pages in the log need. Returns an SQLite result code; after a failure
 * errno says why. */
int database_index_extend(sqlite3 *handle, uint32_t pages);

/* Reads the header of the file itself, not of its page in the log. Returns false if the file is too
 * short or cannot be read. */
bool database_header_read(sqlite3 *handle, struct database_header *header);

/* Returns a user_version with a new own mark, for the first transaction of a log. */
uint32_t database_mark_next(uint32_t user_version);

/* Returns whether a log that ends with the header seen belongs to a file with the header file. True
 * if either has no mark, as in files of earlier versions. */
bool database_log_belongs(const struct database_header *file, const struct database_header *seen);

/*
 * For a log that database_log_belongs() does not take because of its schema: returns whether it
 * began with this file, and somebody has changed the schema in it since (VACUUM, ANALYZE, a table
 * of a program that copies databases). To be called within a transaction. Reads the log, page by
 * page.
 */
bool database_log_changed_schema(sqlite3 *handle, const struct database_header *seen);

/* Return the version of the schema, and the marks, that a user_version holds. */
int database_version_of(uint32_t user_version);
uint32_t database_marks_of(uint32_t user_version);

#endif
