/*
 * lock_holder: the process that holds a lock on a file.
 */
#ifndef SQLITE_LOCK_HOLDER_H
#define SQLITE_LOCK_HOLDER_H

/*
 * Returns the id of the process that holds a POSIX write lock on a byte of the file at path; 0 if
 * none does, or that cannot be found out. Reads /proc/locks: to open the file and close it again
 * would give up the locks that this process has on it.
 */
long lock_holder(const char *path, long byte);

#endif
