/*
 * background: one call that waits, in a thread of its own, while the program does something else.
 *
 * Signals are left to the program's own thread. What the call works on must be left alone until
 * background_finish().
 */
#ifndef BASE_BACKGROUND_H
#define BASE_BACKGROUND_H

#include <stdbool.h>

struct background;

/*
 * Starts run(context). Returns NULL if there can be no thread: then nothing was called. End it with
 * background_finish().
 */
struct background *background_start(int (*run)(void *context), void *context);

/* Waits for the call to end, frees background, and returns what the call returned. */
int background_finish(struct background *background);

/*
 * Starts run(context), for which nobody waits: the program may end before it does. Returns false if
 * there can be no thread: then nothing was called.
 */
bool background_detach(void *(*run)(void *context), void *context);

#endif
