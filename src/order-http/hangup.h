/*
 * hangup: SIGHUP as a wish that files be read anew, instead of a stop (base/stop.h).
 */
#ifndef ORDER_HTTP_HANGUP_H
#define ORDER_HTTP_HANGUP_H

#include <stdbool.h>

/* Takes SIGHUP over, even if the parent ignores it. Call it once, after stop_on_signals(); exits
 * with EXIT_BUG if the system refuses. */
void hangup_take(void);

/* Returns a descriptor that is readable when hangup_came() would return true; -1 before
 * hangup_take(). */
int hangup_descriptor(void);

/* Returns whether the signal came since the last call. */
bool hangup_came(void);

#endif
