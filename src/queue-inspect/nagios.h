/*
 * nagios: the line that a plugin of Nagios prints, and the code with which it exits.
 *
 *   ORDERS WARNING - 3 in 'order.placed.dlq' | order.placed.q=0;1000;5000;0 ...
 */
#ifndef QUEUE_INSPECT_NAGIOS_H
#define QUEUE_INSPECT_NAGIOS_H

#include "base/report.h"

#include <cjson/cJSON.h>

/*
 * Prints the line for the checks of a verdict (verdict.h). data is the performance data: text that
 * follows the bar, or "". Returns EXIT_OK, EXIT_NO for a warning, EXIT_CRITICAL or EXIT_UNKNOWN; or
 * EXIT_OUTPUT.
 */
enum exit_code nagios_print(const cJSON *checks, const char *data);

#endif
