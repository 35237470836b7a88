/*
 * database_schema: whether a file is one of ours, and the version of its schema. For the files of
 * database alone.
 */
#ifndef SQLITE_DATABASE_SCHEMA_H
#define SQLITE_DATABASE_SCHEMA_H

#include "base/report.h"
#include "sqlite/database.h"

/*
 * Sets *version to that of the schema, 0 if the file is empty. Returns EXIT_OK; or EXIT_STORE,
 * reported, if the file is of another kind than the database, or of a later version. To be called
 * within a transaction.
 */
enum exit_code database_check_version(struct database *database, int *version);

/*
 * Sets up an empty file as one of the database's kind, or upgrades one of an earlier version, in a
 * transaction of its own. Returns EXIT_OK, or EXIT_STORE, reported.
 */
enum exit_code database_make_schema(struct database *database);

#endif
