/*
 * supervisor: tells the service manager that has started the program how it is doing, by the
 * protocol of sd_notify(3): ready, what it waits for, alive, stopping.
 *
 * Without supervisor_open(), without a NOTIFY_SOCKET in the environment, and in other threads than
 * that of supervisor_open(), all functions do nothing. A message that the service manager does not
 * take within a second is dropped. No text may hold a secret: every user can read it.
 */
#ifndef BASE_SUPERVISOR_H
#define BASE_SUPERVISOR_H

#include "base/report.h"

#include <stdbool.h>

/*
 * Takes what the service manager has left in the environment (NOTIFY_SOCKET, WATCHDOG_USEC,
 * WATCHDOG_PID) out of it, so that no child speaks for the program. Call it once, before the first
 * wait, in a program that runs until it is asked to stop. The end of the program, other than by a
 * signal, is told by itself.
 */
void supervisor_open(void);

/* Returns whether there is a service manager to talk to. */
bool supervisor_is_there(void);

/* Tells that the program does its work from now on. Only the first call counts. */
void supervisor_ready(void);

/* What a status is about. The service manager shows both, that of the store first. */
enum supervisor_part { SUPERVISOR_STORE, SUPERVISOR_BROKER };

/* Tells in words how it is with that part, which until then was as told before; "" for nothing to
 * say. Control characters are left out. */
void supervisor_status(enum supervisor_part part, const char *format, ...) REPORT_FORMAT(2, 3);

/*
 * Feeds the watchdog, if it is time: at half of the interval that the service manager asks for. To
 * be called by loops that get on with their work or wait for work or for the broker; and not while
 * a command, a disk or a database owes an answer.
 */
void supervisor_progress(void);

/* Returns timeout_ms (negative for never) or the time until the watchdog is to be fed, whichever is
 * less; timeout_ms if that time has passed. */
int supervisor_sooner(int timeout_ms);

/* Tells that the program stops, if that is requested (stop.h). */
void supervisor_heed_stop(void);

/* Tells that the program reads its settings anew; and that it has done so. */
void supervisor_reloading(void);
void supervisor_reloaded(void);

#endif
