/*
 * topology_check: what of the topology is missing on the broker, or so different that orders would
 * be lost, go astray or come to a halt. It declares nothing.
 *
 * By AMQP one can only see that exchanges and queues are there; by the management API also what
 * they are like, and the bindings. What makes no difference to the workflow (a dead letter exchange
 * that comes from a policy, bindings of others) is no finding; nor is a quorum queue, but what some
 * of them do: drop messages, or let them die, since they were delivered too often, and lose dead
 * letters.
 */
#ifndef QUEUE_INSPECT_TOPOLOGY_CHECK_H
#define QUEUE_INSPECT_TOPOLOGY_CHECK_H

#include "management.h"

#include "amqp/connection.h"

#include <cjson/cJSON.h>

/*
 * Adds to findings, an array, an object for each thing that is wrong:
 * {"kind", "name", "problem"}, for a binding {"exchange", "routing_key"} too, and for what is
 * different
 * {"expected", "found"}, for a delivery limit {"limit"}. queue-inspect(1) has the list of problems.
 *
 * Without a management API the connection, which must be up, is asked; a failure is as with
 * queue_look(). With one, only that is asked, as silently as management_get().
 */
enum exit_code topology_check(struct connection *connection, struct management *management,
                              cJSON *findings);

#endif
