/*
 * finding: what is wrong with the topology on the broker, as JSON:
 *
 *   {"kind": "queue", "name": "order.placed.q", "problem": "missing"}
 *
 * queue-inspect(1) lists the problems, and the further members that some of them have.
 */
#ifndef QUEUE_INSPECT_FINDING_H
#define QUEUE_INSPECT_FINDING_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Adds a finding to findings, an array. Returns it, so that members can be added. */
cJSON *finding_add(cJSON *findings, const char *kind, const char *name, const char *problem);

/* Adds a finding for each flag of an exchange or queue that lets it vanish or makes it unusable.
 * object is the management API's description of it, or NULL. */
void finding_add_flags(cJSON *findings, const char *kind, const char *name, const cJSON *object);

/* Returns true if bindings, an array of the management API, has one with this exchange and key. */
bool finding_has_binding(const cJSON *bindings, const char *exchange, const char *routing_key);

#endif
