/*
 * database_room: room on the disk for a transaction that is still to come, so that it does not fail
 * because the disk has become full: the log of commits is made longer than it has to be now.
 *
 * Every function that can fail reports why, with the path, and returns EXIT_STORE.
 */
#ifndef SQLITE_DATABASE_ROOM_H
#define SQLITE_DATABASE_ROOM_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stddef.h>

/* Prepares for database_reserve(). To be called once, between transactions. database_close() ends
 * it. */
enum exit_code database_room_open(struct database *database);

/*
 * Within a transaction that writes, after the last of what it writes: makes sure that it can be
 * committed, and that the log then has room for so many pages more, and for values of so many bytes
 * that have pages of their own.
 *
 * Until the log was copied into the file and begins anew, or somebody else writes, that room is for
 * the transactions that this process commits next. If the transaction at hand is rolled back, the
 * room reserved before it is there still. Costs one system call, unless the log is too short.
 */
enum exit_code database_reserve(struct database *database, size_t pages, size_t bytes);

/* Notes that a transaction was committed. For database_log alone. */
void database_room_start(struct database *database);

#endif
