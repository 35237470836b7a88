/*
 * database_room: disk space reserved for the next transaction, so that it cannot fail because the
 * disk has become full meanwhile: the write-ahead log is made longer than it needs to be now.
 *
 * Every function that returns an exit code returns EXIT_OK, or EXIT_STORE with the reason reported
 * together with the path.
 */
#ifndef SQLITE_DATABASE_ROOM_H
#define SQLITE_DATABASE_ROOM_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stddef.h>

/* Prepares for database_reserve(). To be called once, outside of transactions. database_close()
 * frees what it takes. */
enum exit_code database_room_open(struct database *database);

/*
 * Makes sure that the write transaction at hand can be committed, and that the log has room for
 * pages more after it, and for values of bytes in all that have pages of their own. To be called
 * within the transaction, after all that it writes.
 *
 * The room is for the transactions that this process commits next, unless another process writes
 * first. If the transaction at hand is rolled back, the room reserved before it remains. Costs one
 * system call, unless the log is too short.
 */
enum exit_code database_reserve(struct database *database, size_t pages, size_t bytes);

/* Starts to count written pages anew, after a commit. For database_log.c alone. */
void database_room_start(struct database *database);

#endif
