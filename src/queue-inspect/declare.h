/*
 * declare: makes the exchanges, queues and bindings of the workflow, for an administrator whose
 * other users may declare nothing.
 */
#ifndef QUEUE_INSPECT_DECLARE_H
#define QUEUE_INSPECT_DECLARE_H

#include "amqp/broker_options.h"
#include "base/report.h"

/*
 * Ends the program with EXIT_USAGE unless all names, which end with NULL, are queues of the
 * workflow, or the one in which dlq-replay parks.
 */
void declare_check_names(const char *const *names);

/*
 * Declares what is missing: all but the optional queues and the parking queue, and those of these
 * among names. Returns EXIT_OK if all of it is there; otherwise, reported, EXIT_LOGIN if the user
 * lacks a right, or the code of connection_open().
 */
enum exit_code declare_all(const struct broker_options *options, const char *const *names);

#endif
