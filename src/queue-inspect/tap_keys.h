/*
 * tap_keys: finds the routing keys by which an exchange receives messages.
 */
#ifndef QUEUE_INSPECT_TAP_KEYS_H
#define QUEUE_INSPECT_TAP_KEYS_H

#include "management.h"
#include "tap.h"

#include "base/report.h"

/*
 * Adds keys to tap, which has none. With management: "#", or for a direct exchange the keys of all
 * its bindings. If management is NULL: the keys of the topology. Reports and returns EXIT_USAGE if
 * it finds none, and the codes of management_get().
 */
enum exit_code tap_find_keys(struct tap *tap, struct management *management);

#endif
