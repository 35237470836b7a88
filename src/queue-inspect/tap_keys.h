/*
 * tap_keys: by which keys messages come to an exchange.
 */
#ifndef QUEUE_INSPECT_TAP_KEYS_H
#define QUEUE_INSPECT_TAP_KEYS_H

#include "management.h"
#include "tap.h"

#include "base/report.h"

/*
 * Adds the keys by which messages come, for an exchange of which none is given: by the management
 * API, if it is not NULL, those of its bindings, or "#" for one that is not direct; otherwise those
 * of the topology. EXIT_USAGE, reported, if there are none; other codes as management_get(), but
 * reported.
 */
enum exit_code tap_find_keys(struct tap *tap, struct management *management);

#endif
