/*
 * wait: waiting for a descriptor without letting anything else of the program die.
 *
 * A connection wants signs of life in time, whatever the program waits for: its owner has a keeper
 * called before each wait, and as often as it asks for during one.
 */
#ifndef BASE_WAIT_H
#define BASE_WAIT_H

#include <stdbool.h>

/*
 * Does what is due, without waiting, and returns the milliseconds until it wants to be called
 * again; negative if it does not. It may be called wherever a message is reported: it must not
 * report, nor change what a caller may look at.
 */
typedef int wait_keeper(void);

/* Has every wait call keeper from now on, in place of any other. */
void wait_keep(wait_keeper *keeper);

/*
 * Waits until descriptor is ready for events (those of poll()), hung up or broken, timeout_ms are
 * over (never, if negative), or, if heeds_stop, a stop was asked for (stop.h), be it before the
 * call. May return sooner.
 */
void wait_for(int descriptor, short events, int timeout_ms, bool heeds_stop);

/* Is descriptor ready for events, hung up or broken, now? */
bool wait_is_ready(int descriptor, short events);

#endif
