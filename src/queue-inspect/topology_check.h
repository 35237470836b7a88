/*
 * topology_check: finds what of the topology is missing on the broker, or so different that orders
 * or dead letters would be lost, go astray or come to a halt. Declares nothing.
 *
 * AMQP only tells whether an exchange or queue exists; the management API also tells its settings
 * and bindings. Not reported: quorum queues, settings from a policy that serve as well as ours, and
 * bindings of others.
 */
#ifndef QUEUE_INSPECT_TOPOLOGY_CHECK_H
#define QUEUE_INSPECT_TOPOLOGY_CHECK_H

#include "management.h"

#include "amqp/connection.h"
#include "base/report.h"

#include <cjson/cJSON.h>

/*
 * Replaces *findings, which may be NULL, by an array with a finding (finding.h) for each fault;
 * free it with cJSON_Delete(). Asks management; if that is NULL, looks by connection, which must be
 * up. Fails as management_get() or as queue_look() does.
 */
enum exit_code topology_find_faults(struct connection *connection, struct management *management,
                                    cJSON **findings);

/*
 * Prints a line of JSON for each fault. Without management it opens the connection, and again if it
 * is lost. Returns EXIT_OK if there are no faults, EXIT_NO if there are, and otherwise, with the
 * reason reported, the code of connection_open() or management_get(), or EXIT_OUTPUT.
 */
enum exit_code topology_check(struct connection *connection, struct management *management);

#endif
