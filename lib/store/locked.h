/*
 * locked: stores in files that another program has locked for writing, such as a shell with an open
 * transaction. A database that does not answer or is locked is away: see store/patience.h.
 *
 * A transaction that writes waits some seconds for the lock, and then fails, which is reported. A
 * program that serves others meanwhile calls locked_never_wait(), and tries again by itself.
 */
#ifndef STORE_LOCKED_H
#define STORE_LOCKED_H

#include <stdbool.h>

/*
 * From now on, such a transaction of this process fails after some milliseconds. It is reported
 * once the lock is held for a second, and again when it is free. Reading is not affected.
 */
void locked_never_wait(void);

/* Returns whether the last transaction that was to write failed because of the lock. */
bool locked_failed(void);

/* For the engines: whether locked_never_wait() was called. */
bool locked_is_hasty(void);

/* For the engines: notes whether a transaction has failed because of the lock. */
void locked_note(bool has_failed);

#endif
