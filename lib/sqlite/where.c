#include "sqlite/database.h"
#include "sqlite/database_place.h"
#include "sqlite/mover.h"
#include "sqlite/open.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* Returns the absolute path of a file, which need not exist. Frees path. */
static char *absolute(char *path)
{
    char here[PATH_MAX];
    char *folder;
    char *whole;

    if (*path == '/' || getcwd(here, sizeof here) == NULL)
        return path;
    folder = database_join(here, "/");
    whole = database_join(folder, path);
    free(folder);
    free(path);
    return whole;
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
