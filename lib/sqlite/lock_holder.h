/*
 * lock_holder: who keeps others waiting.
 */
#ifndef SQLITE_LOCK_HOLDER_H
#define SQLITE_LOCK_HOLDER_H

/*
 * Returns the process that holds a lock for writing on a byte of a file, 0 if there is none or the
 * system does not tell (it is read from /proc/locks: to open the file and close it again would give
 * up the locks that this process has on it).
 */
long lock_holder(const char *path, long byte);

#endif
