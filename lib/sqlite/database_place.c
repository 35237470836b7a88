#include "sqlite/database_place.h"

#include "base/memory.h"
#include "base/text.h"
#include "sqlite/database.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *database_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = xstrdup(slash == NULL ? "." : path);

    if (slash != NULL)
        folder[slash + 1 - path] = '\0';
    return folder;
}

char *database_join(const char *left, const char *right)
{
    size_t size = strlen(left) + strlen(right) + 1;
    char *text = xcalloc(size, 1);

    (void)snprintf(text, size, "%s%s", left, right);
    return text;
}

char *database_place(const struct database_kind *kind)
{
    const char *named = getenv(kind->variable);
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *folder;
    char *path;

    if (named != NULL && *named != '\0')
        return xstrdup(named);
    if (state != NULL && *state == '/') {
        folder = database_join(state, "/order-tools/");
    } else if (home != NULL && *home == '/') {
        folder = database_join(home, "/.local/state/order-tools/");
    } else {
        return NULL;
    }
    path = database_join(folder, kind->file);
    free(folder);
    return path;
}

void database_report_homeless(const struct database_kind *kind)
{
    report("nothing says where to keep data: set %s, XDG_STATE_HOME or HOME", kind->variable);
}

enum exit_code database_make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        int made;

        *slash = '\0';
        made = mkdir(path, S_IRWXU);
        if (made != 0 && errno != EEXIST) {
            report_errno("cannot make the folder '%s'", printable_text(path));
            *slash = '/';
            return EXIT_STORE;
        }
        *slash = '/';
    }
    return EXIT_OK;
}

char *database_uri(const char *path, bool immutable)
{
    size_t size = 3 * strlen(path) + sizeof "file://?immutable=1";
    char *uri = xcalloc(size, 1);
    /* file://HOST/PATH: the host is empty. */
    char *at = uri + snprintf(uri, size, "file:%s", *path == '/' ? "//" : "./");

    for (; *path != '\0'; path++)
        at += snprintf(at, size - (size_t)(at - uri),
                       strchr("?#%", *path) == NULL ? "%c" : "%%%02x", (unsigned char)*path);
    if (immutable)
        (void)snprintf(at, size - (size_t)(at - uri), "?immutable=1");
    return uri;
}
