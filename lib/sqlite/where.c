#include "sqlite/database.h"
#include "sqlite/database_place.h"
#include "sqlite/mover.h"
#include "sqlite/open.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns the absolute path of a file that need not exist. Frees path. */
static char *absolute(char *path)
{
    char *real = realpath(path, NULL);
    char folder[PATH_MAX];
    char *start;

    if (real == NULL && (*path == '/' || getcwd(folder, sizeof folder) == NULL))
        return path;
    if (real == NULL) {
        start = database_join(folder, "/");
        real = database_join(start, path);
        free(start);
    }
    free(path);
    return real;
}

char *sqlite_where(enum moved_domain domain)
{
    const struct database_kind *kind = sqlite_mover_kind(domain)->database;
    char *path = database_place(kind);

    if (path != NULL)
        return absolute(path);
    database_report_homeless(kind);
    return NULL;
}
