#include "sqlite/lock_holder.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * "1: POSIX  ADVISORY  WRITE 4711 fe:00:131 120 120": kind, process, device and inode, first and
 * last byte (or EOF).
 */
static bool read_lock(const char *line, unsigned long long inode, long byte, long *process)
{
    unsigned long long locked;
    long first;
    long last;
    char end[24];

    if (sscanf(line, "%*d: POSIX %*s WRITE %ld %*x:%*x:%llu %ld %23s", process, &locked, &first,
               end) != 4)
        return false;
    if (strcmp(end, "EOF") == 0)
        last = byte;
    else if (sscanf(end, "%ld", &last) != 1)
        return false;
    return locked == inode && first <= byte && byte <= last;
}

long lock_holder(const char *path, long byte)
{
    struct stat info;
    char line[256];
    long process = 0;
    bool found = false;
    FILE *locks = stat(path, &info) == 0 ? fopen("/proc/locks", "r") : NULL;

    if (locks == NULL)
        return 0;
    while (!found && fgets(line, (int)sizeof line, locks) != NULL)
        found = read_lock(line, (unsigned long long)info.st_ino, byte, &process);
    (void)fclose(locks);
    return found && process > 0 ? process : 0;
}
