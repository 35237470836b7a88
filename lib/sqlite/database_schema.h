/*
 * database_schema: whose a database is, and the version of its schema.
 */
#ifndef SQLITE_DATABASE_SCHEMA_H
#define SQLITE_DATABASE_SCHEMA_H

#include "base/report.h"
#include "sqlite/database.h"

/*
 * Reads the version of the schema: 0 if the file is empty. Reports and returns EXIT_STORE if the
 * file is not of the database's kind, or of a later version. To be called within a transaction.
 */
enum exit_code database_check_version(struct database *database, int *version);

/*
 * Makes an empty file one of the database's kind, or brings one of an earlier version up to date,
 * in a transaction of its own. Reports and returns EXIT_STORE if it cannot.
 */
enum exit_code database_make_schema(struct database *database);

#endif
