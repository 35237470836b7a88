/*
 * pipe: pipes of our own, which programs that we start do not inherit.
 */
#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include <stdbool.h>

/*
 * Makes a pipe, close-on-exec: what is written to ends[1] is read from ends[0]. Returns false, with
 * errno, if that failed: both ends are then as they were, or -1.
 */
bool pipe_make(int ends[2]);

/* The same for news from a signal handler: reading and writing never wait. */
bool pipe_make_bell(int ends[2]);

/* Makes ends[0] readable, until pipe_still() is called. For signal handlers: keeps errno. */
void pipe_ring(const int ends[2]);

/* Takes out all that pipe_ring() has put in. */
void pipe_still(const int ends[2]);

#endif
