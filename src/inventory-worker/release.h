/*
 * release: reserved orders whose units go back to the stock, because they were cancelled or have
 * expired: recorded in one commit of the ledger with the events that say so.
 *
 * Every function that returns an exit code returns EXIT_OK, or EXIT_STORE, reported: nothing was
 * recorded then.
 */
#ifndef INVENTORY_WORKER_RELEASE_H
#define INVENTORY_WORKER_RELEASE_H

#include "record.h"

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/* As record_deliveries(), for deliveries that are cancellations. */
enum exit_code record_cancellations(struct recorder *recorder, size_t count);

/* Releases some reservations that have expired, if it is time to look or, if at_once is true, the
 * next ones that there are. *count says how many: the last ones in hand, without a delivery. */
enum exit_code record_expired(struct recorder *recorder, bool at_once, size_t *count);

#endif
