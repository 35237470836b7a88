/* pipe: close-on-exec pipes, and the self-pipe by which a signal handler wakes poll(). */
#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include <stdbool.h>

/*
 * Makes a pipe, close-on-exec: what is written to ends[1] is read from ends[0]. Returns false, with
 * errno set and ends unchanged, on failure. Close both ends with close().
 */
bool pipe_make(int ends[2]);

/* As pipe_make(), for a self-pipe: both ends are non-blocking. */
bool pipe_make_bell(int ends[2]);

/* Makes ends[0] readable until pipe_still() is called. Async-signal-safe; preserves errno. */
void pipe_ring(const int ends[2]);

/* Drains ends[0]: it stays unreadable until pipe_ring() is called again. */
void pipe_still(const int ends[2]);

#endif
