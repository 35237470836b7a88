#include "process/command.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/bin:/usr/bin" /* that of execvp() in glibc */

/* Returns whether path is a file that may be run; otherwise sets errno. */
static bool may_run(const char *path)
{
    struct stat status;

    if (access(path, X_OK) != 0 || stat(path, &status) != 0)
        return false;
    errno = EACCES;
    return S_ISREG(status.st_mode);
}

/* Returns the file that would be run for name, or NULL with errno set. Free with free(). */
static char *find(const char *name)
{
    const char *path = getenv("PATH");
    bool is_forbidden = false;
    size_t len;

    if (strchr(name, '/') != NULL)
        return may_run(name) ? xstrdup(name) : NULL;
    for (const char *folder = path == NULL ? DEFAULT_PATH : path;; folder += len + 1) {
        char file[PATH_MAX];
        int needed;

        len = strcspn(folder, ":");
        /* An empty entry is the current directory. */
        needed =
            snprintf(file, sizeof file, "%.*s%s%s", (int)len, folder, len > 0 ? "/" : "", name);
        if (*name != '\0' && needed < (int)sizeof file && may_run(file))
            return xstrdup(file);
        is_forbidden = is_forbidden || errno == EACCES;
        if (folder[len] == '\0')
            break;
    }
    errno = is_forbidden ? EACCES : ENOENT;
    return NULL;
}

/* Returns the program that a script names in its first line; NULL if the file is none, or cannot be
 * read. Free with free(). */
static char *interpreter_of(const char *file)
{
    char line[PATH_MAX] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char *start = line + 2;

    if (fd < 0)
        return NULL;
    if (read(fd, line, sizeof line - 1) < 0)
        line[0] = '\0';
    (void)close(fd);
    if (strncmp(line, "#!", 2) != 0)
        return NULL;
    start += strspn(start, " \t");
    start[strcspn(start, " \t\n")] = '\0';
    return xstrdup(start);
}

enum exit_code command_check(const char *name)
{
    char *file = find(name);
    char *interpreter;
    enum exit_code code = EXIT_USAGE;

    if (file == NULL) {
        report_errno("cannot run '%s'", printable_text(name));
        return code;
    }
    interpreter = interpreter_of(file);
    if (interpreter == NULL || may_run(interpreter))
        code = EXIT_OK;
    else
        report_errno("cannot run '%s': its first line names '%s'", printable_text(name),
                     printable_text(interpreter));
    free(interpreter);
    free(file);
    return code;
}
