/*
 * database_place: where the file of a database is, and the folders that lead to it.
 */
#ifndef SQLITE_DATABASE_PLACE_H
#define SQLITE_DATABASE_PLACE_H

#include "base/report.h"

#include <stdbool.h>

/* Makes the folders that lead to path and are missing, private to their owner. Writes to path and
 * restores it. Returns EXIT_OK, or EXIT_STORE, reported. */
enum exit_code database_make_folders(char *path);

/* Returns the folder of the file at path, with a slash at its end, or "."; to be freed with
 * free(). */
char *database_folder(const char *path);

/* Returns right appended to left, to be freed with free(). */
char *database_join(const char *left, const char *right);

/* Returns the URI by which SQLite opens the file at path, to be freed with free(). With immutable
 * SQLite does not lock the file, and makes no files beside it. */
char *database_uri(const char *path, bool immutable);

#endif
