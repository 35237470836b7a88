#include "base/text.h"
#include "sqlite/database_handle.h"

#include <stdio.h>

enum exit_code database_check_version(struct database *database, int *version)
{
    const struct database_kind *kind = database->kind;
    int application = 0;
    int user_version = 0;
    int schema = 0;
    enum exit_code code = database_read_number(database, "PRAGMA application_id", &application);

    *version = 0;
    if (code == EXIT_OK)
        code = database_read_number(database, "PRAGMA user_version", &user_version);
    database->seen.application = (uint32_t)application;
    database->seen.user_version = (uint32_t)user_version;
    *version = database_version_of(database->seen.user_version);
    if (code == EXIT_OK && application == 0)
        code = database_read_number(database, "SELECT count(*) FROM sqlite_master", &schema);
    if (code != EXIT_OK)
        return code;
    if (application == 0 && *version == 0 && schema == 0)
        return EXIT_OK;
    if (application == kind->application && *version >= 1 && *version <= kind->version)
        return EXIT_OK;
    if (application == 0 || (application == kind->application && *version < 1))
        report("'%s' is a database of something else, or made of a dump, which loses "
               "application_id (%d) and "
               "user_version (%d): %s names it",
               printable_text(database->path), kind->application, kind->version, kind->variable);
    else if (application != kind->application)
        report("'%s' is a database of something else: %s names another file",
               printable_text(database->path), kind->variable);
    else
        report("'%s' was written by a newer version of order-tools (schema %d, this one knows %d)",
               printable_text(database->path), *version, kind->version);
    return EXIT_STORE;
}

static enum exit_code write_schema(struct database *database, int version)
{
    const struct database_kind *kind = database->kind;
    uint32_t user_version =
        database_marks_of(database->seen.user_version) | (uint32_t)kind->version;
    char pragmas[128];
    enum exit_code code =
        version == 0 ? database_execute(database, kind->schema, "set up") : EXIT_OK;

    for (int from = version; from > 0 && from < kind->version && code == EXIT_OK; from++)
        code = database_execute(database, kind->upgrades[from - 1], "upgrade");
    (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   kind->application, (int)user_version);
    database->seen.user_version = user_version;
    return code == EXIT_OK ? database_execute(database, pragmas, "set up") : code;
}

enum exit_code database_make_schema(struct database *database)
{
    int version = 0;
    /* Checked again under the write lock: another process may have been quicker. */
    enum exit_code code = database_begin(database);

    if (code != EXIT_OK)
        return code;
    code = database_check_version(database, &version);
    if (code == EXIT_OK && version != database->kind->version)
        code = write_schema(database, version);
    return database_end(database, code);
}
