/*
 * background: runs one function in a thread of its own while the program goes on.
 *
 * All signals are blocked in that thread, so that the program's own thread receives them. Data that
 * the function uses must not be touched before background_finish() has returned.
 */
#ifndef BASE_BACKGROUND_H
#define BASE_BACKGROUND_H

#include <stdbool.h>

struct background;

/*
 * Starts run(context) in a new thread. Returns a handle to pass to background_finish(), or NULL if
 * the system allows no further thread; run was not called then.
 */
struct background *background_start(int (*run)(void *context), void *context);

/* Waits until the function has returned, frees background, and returns the function's result. */
int background_finish(struct background *background);

/*
 * Starts run(context) in a new thread that is never waited for: the program may exit while it still
 * runs. Returns false if the system allows no further thread; run was not called then.
 */
bool background_detach(void *(*run)(void *context), void *context);

/* Returns whether a thread still runs that either function above has started. */
bool background_some_run(void);

#endif
