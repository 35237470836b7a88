/*
 * wait: waiting for a descriptor while connections are kept alive.
 *
 * A connection must send heartbeats in time, whatever the program waits for. Its owner registers a
 * keeper, which wait_for() calls.
 */
#ifndef BASE_WAIT_H
#define BASE_WAIT_H

#include <stdbool.h>

/*
 * Does what is due, without blocking. Returns the milliseconds until it must be called again, or a
 * negative number for never. It may run inside any report(), which can wait for a reader: so it
 * must not report anything, nor change anything that the code which is reporting may be looking at.
 */
typedef int wait_keeper(void);

/* Makes every wait_for() of this thread call keeper first, in place of the keeper before. */
void wait_keep(wait_keeper *keeper);

/*
 * Waits until descriptor is ready for events (those of poll()), hung up or broken; until timeout_ms
 * have passed, if that is not negative; or, if heeds_stop, until a stop is or was requested
 * (stop.h). Returns sooner on any signal, when the keeper is due, and when the watchdog is to be
 * fed (supervisor.h): check and call again. Tells the service manager of a stop.
 */
void wait_for(int descriptor, short events, int timeout_ms, bool heeds_stop);

/* Returns true if descriptor is ready for events, hung up or broken. Does not wait. */
bool wait_is_ready(int descriptor, short events);

#endif
