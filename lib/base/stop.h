/*
 * stop: SIGTERM, SIGINT and SIGHUP ask a program to finish what it has in hand and leave.
 *
 * The first signal asks; another one of the same kind, STOP_TWICE_MS later or more, kills at once,
 * as it would have without us (nothing is lost by that: see the crash tables in order-tools(7)).
 * One that comes sooner is the same request: timeout(1) and others send a signal to the program,
 * and right after to its process group. SIGPIPE and SIGXFSZ are ignored, so that a closed pipe, and
 * a file that may not grow, are errors of write() like any other. Signals that a parent had blocked
 * are unblocked.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

#define STOP_TWICE_MS 500

/* To be called once, at the start. Ends the program if the system refuses. */
void stop_on_signals(void);

bool stop_requested(void);

/*
 * Has the first signal write text to descriptor, at once, so that a second one finds a terminal as
 * it was; NULL for nothing. It must outlive the program. Returns the text before it, or NULL if
 * that was written, or there was none.
 */
const char *stop_farewell(const char *text, int descriptor);

/* A descriptor that becomes readable when a stop is asked for: for poll(). */
int stop_descriptor(void);

/* How long a call that cannot be interrupted may go on once a stop is asked for. */
#define STOP_CUT_SECONDS 4

/*
 * For calls of a library that wait for a peer, and that no signal interrupts: has the socket shut
 * down if a stop is asked for and the call is still going on STOP_CUT_SECONDS later. -1, once it is
 * over. There is one at a time.
 */
void stop_cuts(int socket);

/* Waits until descriptor can be read from, or a stop is asked for. Keeps connections alive
 * (wait.h). */
void stop_or_readable(int descriptor);

/* Ends the program by the signal that was received, so that its parent sees why; returns if there
 * was none. */
void stop_by_signal(void);

#endif
