/*
 * stop: SIGTERM, SIGINT and SIGHUP ask a program to finish the work in hand and exit.
 *
 * The first such signal sets a flag. Another one of the same kind, STOP_TWICE_MS later or more,
 * kills the program as it would without a handler; that loses nothing (see the crash tables in
 * order-tools(7)). One that arrives sooner belongs to the same request: timeout(1), for example,
 * signals the program and right after it the process group.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

#define STOP_TWICE_MS 500

/*
 * Installs the handlers, and unblocks the signals in case the parent had blocked them. A signal
 * that the parent ignores stays ignored. Also ignores SIGPIPE and SIGXFSZ, so that write() fails
 * instead (stop_by_pipe() makes up for that). Call it once, at the start; exits with EXIT_BUG if
 * the system refuses.
 */
void stop_on_signals(void);

/* Returns true once a stop was requested. */
bool stop_requested(void);

/*
 * Sets the text that the handler of the first signal writes to descriptor at once, to restore a
 * terminal before a second signal may kill. text must stay valid; NULL writes nothing. Returns the
 * text that was set before, or NULL if there was none or it was written.
 */
const char *stop_farewell(const char *text, int descriptor);

/* Returns a descriptor for poll() that becomes and stays readable once a stop is requested. */
int stop_descriptor(void);

/* How long a library call that signals cannot interrupt may go on after a stop was requested. */
#define STOP_CUT_SECONDS 4

/*
 * Shuts socket down if a stop is requested and STOP_CUT_SECONDS pass before stop_cuts(-1) is
 * called. For library calls that wait for a peer and that no signal interrupts. One socket at a
 * time, and one more of one thread other than that of stop_on_signals().
 */
void stop_cuts(int socket);

/* Waits with wait_for() (wait.h) until descriptor is readable or a stop is requested. */
void stop_or_readable(int descriptor);

/*
 * Ends the program by the signal that has requested the stop, so that its parent sees the cause.
 * Returns if there was none.
 */
void stop_by_signal(void);

/* Returns whether SIGPIPE would have ended the program without stop_on_signals(): false if the
 * parent ignores it. */
bool stop_pipe_kills(void);

/* Ends the program by SIGPIPE. Only for stop_pipe_kills(). */
void stop_by_pipe(void);

#endif
