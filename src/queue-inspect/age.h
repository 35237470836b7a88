/*
 * age: how old the first message of a queue is.
 *
 * It is since its first death, if its headers tell of one, and otherwise since the time stamp that
 * it was published with. To read it, the message is fetched, and goes back, marked as redelivered,
 * when the connection is closed.
 */
#ifndef QUEUE_INSPECT_AGE_H
#define QUEUE_INSPECT_AGE_H

#include "management.h"

#include "amqp/connection.h"
#include "base/report.h"

#include <stdint.h>

#define AGE_NONE (-1)   /* there is no message, or it does not tell its time */
#define AGE_HIDDEN (-2) /* to fetch it would change the queue, or use up a delivery */

/*
 * Sets *seconds to the age of the first message of queue, or to AGE_NONE or AGE_HIDDEN. connection
 * must be up; it is to be closed once all ages are known. management may be NULL. Returns EXIT_OK,
 * or another code, reported, if the broker does not answer.
 */
enum exit_code age_of_first(struct connection *connection, struct management *management,
                            const char *queue, int64_t *seconds);

#endif
