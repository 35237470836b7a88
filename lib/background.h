/*
 * background: one call that waits for the disk, in a thread of its own, while the program does something
 * else.
 *
 * Signals are left to the other thread. What the call works on must be left alone until background_finish().
 */
#ifndef BACKGROUND_H
#define BACKGROUND_H

struct background;

/*
 * Starts run(context). Returns NULL if there can be no thread: then nothing was called. End it with
 * background_finish().
 */
struct background *background_start(int (*run)(void *context), void *context);

/* Waits for the call to end, frees background, and returns what the call returned. */
int background_finish(struct background *background);

#endif
