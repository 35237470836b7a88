/*
 * health: checks whether all is well with the workflow, and prints the answer as a line of JSON:
 *
 *   {"healthy": false, "checks": {"broker": {"ok": true}, "topology":
 *    {"ok": false, "detail": "..."}, ...}}
 *
 * The checks are "broker", "management", "topology", "quorum", "consumers", "dead_letters",
 * "backlog" and "outbox". If the broker is away "broker" is the only one; "management" and "quorum"
 * need a management API, "backlog" a limit, and "outbox" a ledger. "quorum" may have a "warning"
 * though it is ok.
 */
#ifndef QUEUE_INSPECT_HEALTH_H
#define QUEUE_INSPECT_HEALTH_H

#include "queues.h"

#include "base/report.h"

#define HEALTH_NO_LIMIT (-1)

/*
 * Connects, once, checks, and prints the line. queues must hold topology_queues. max_ready is the
 * number of messages that may be ready in a queue that workers consume, or HEALTH_NO_LIMIT. ledger
 * names inventory's ledger; NULL stands for the one that inventory-worker would use, if there is
 * one. Returns EXIT_OK if all is well, EXIT_NO if not, or EXIT_OUTPUT.
 */
enum exit_code health_check(struct queues *queues, int max_ready, const char *ledger);

#endif
