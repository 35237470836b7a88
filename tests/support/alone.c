/*
 * alone: a library to be preloaded, that lets nothing below /proc be opened for writing: as on a
 * system without it, and as with a pipe that belongs to another user.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

int open(const char *path, int flags, ...)
{
    int (*original)(const char *, int, mode_t);
    va_list arguments;
    mode_t mode = 0;

    if (strncmp(path, "/proc/", 6) == 0 && (flags & O_ACCMODE) != O_RDONLY) {
        errno = EACCES;
        return -1;
    }
    if ((flags & O_CREAT) != 0) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    *(void **)&original = dlsym(RTLD_NEXT, "open");
    return original(path, flags, mode);
}
