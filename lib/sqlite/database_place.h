/*
 * database_place: where the file of a database is, and the folders that lead to it.
 */
#ifndef SQLITE_DATABASE_PLACE_H
#define SQLITE_DATABASE_PLACE_H

#include "base/report.h"
#include "sqlite/database.h"

#include <stdbool.h>

/* Returns the path of the file that kind names, to be freed. NULL, reported, if nothing says where
 * it is. */
char *database_find(const struct database_kind *kind);

/* Makes the folders that lead to path, private ones. Reports and returns EXIT_STORE if it cannot.
 */
enum exit_code database_make_folders(char *path);

/* Returns the folder of a file, to be freed. */
char *database_folder(const char *path);

/* Returns both texts as one, to be freed. */
char *database_join(const char *left, const char *right);

/*
 * Returns the URI by which SQLite opens the file at path, to be freed. An immutable one is not
 * locked, and nothing is made beside it.
 */
char *database_uri(const char *path, bool immutable);

#endif
