/*
 * health: checks whether all is well with the workflow, and prints the answer as a line of JSON:
 *
 *   {"healthy": false, "checks": {"broker": {"ok": true}, "topology":
 *    {"ok": false, "level": "critical", "detail": "..."}, ...}}
 *
 * or as a plugin of Nagios does (nagios.h), or as metrics for Prometheus. The checks are "broker",
 * "management", "topology", "nodes", "quorum", "consumers", "dead_letters", "failed", "parked",
 * "backlog", "age" and "outbox". If the broker is away "broker" is the only one; "management",
 * "nodes" and "quorum" need a management API, "failed", "parked", "backlog" and "age" a limit, and
 * "outbox" a ledger.
 */
#ifndef QUEUE_INSPECT_HEALTH_H
#define QUEUE_INSPECT_HEALTH_H

#include "limit.h"
#include "queues.h"

#include "amqp/broker_options.h"
#include "base/report.h"

#include <stdbool.h>

struct health_settings {
    struct limit ready;  /* messages in each queue that a worker consumes */
    struct limit dead;   /* dead letters */
    struct limit failed; /* events about failed orders */
    struct limit parked; /* messages that dlq-replay has parked */
    struct limit age;    /* seconds since the first message of a queue was published or died */
    const char *ledger;  /* NULL: the one that inventory-worker would use, if there is one */
    bool nagios;         /* print and return what a plugin of Nagios does */
    bool metrics;        /* print metrics for Prometheus */
    const struct broker_options *options;
};

/*
 * Connects, once, checks, and prints the answer. queues must hold topology_queues and
 * topology_optional_queues. Returns EXIT_OK if all is well, EXIT_NO if not, or EXIT_OUTPUT; with
 * nagios what nagios_print() returns.
 */
enum exit_code health_check(struct queues *queues, const struct health_settings *settings);

#endif
