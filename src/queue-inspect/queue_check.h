/*
 * queue_check: checks the settings of a queue of the topology by the management API.
 */
#ifndef QUEUE_INSPECT_QUEUE_CHECK_H
#define QUEUE_INSPECT_QUEUE_CHECK_H

#include "management.h"

#include "amqp/topology.h"
#include "base/report.h"

#include <cjson/cJSON.h>

/*
 * Adds a finding (finding.h) for each setting of the queue by which orders or dead letters would be
 * lost, go astray or come to a halt. part is a TOPOLOGY_QUEUE; major_version is the broker's, as of
 * management_version(). Fails silently, as management_get() does.
 */
enum exit_code queue_check(struct management *management, const struct topology_part *part,
                           int major_version, cJSON *findings);

#endif
