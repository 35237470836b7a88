/*
 * health: is all well with the workflow? Checks, each with a reason if it fails.
 *
 *   {"healthy": ..., "checks": {"broker": {"ok": ..., "detail": "..."}, "management",
 *    "topology", "consumers", "dead_letters", "backlog", "outbox"}}
 *
 * With a broker that is away, "broker" is the only check. "backlog" is there if there is a limit,
 * "management" if there is a management API, "outbox" if there is a ledger.
 */
#ifndef QUEUE_INSPECT_HEALTH_H
#define QUEUE_INSPECT_HEALTH_H

#include "queues.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

#define HEALTH_NO_LIMIT (-1L)

/*
 * Connects, once, and looks. The survey is of topology_queues. max_ready is how many messages may
 * be ready in each queue that somebody works on, or HEALTH_NO_LIMIT. ledger names inventory's
 * ledger; NULL stands for the one that inventory-worker would use, if there is one. The tree is to
 * be freed with cJSON_Delete().
 */
cJSON *health_check(struct queues *survey, long max_ready, const char *ledger, bool *healthy);

#endif
