/*
 * settle: units that are reserved, but that no order on record holds, are booked as handed over.
 *
 * They were reserved by orders that an earlier version of order-tools has recorded, without what
 * each holds. When such an order ends, before this or after, no level changes: nothing is given
 * back that was settled, and nothing is settled twice.
 *
 * What is on disk when the program is killed, for skus that are settled together: all that are
 * named, those that were read from standard input at once, or all that there are.
 *
 *   state                                    after a kill
 *   S0  they were read                       all are as they were: settle them again
 *   S1  one commit: their units are booked   no lines; settled again, nothing is left to settle
 *   S2  their lines were written             done
 */
#ifndef INVENTORY_STOCK_SETTLE_H
#define INVENTORY_STOCK_SETTLE_H

#include "base/report.h"
#include "store/ledger.h"

#include <stdbool.h>

/*
 * Settles the skus of an array that NULL ends or, if it is empty, those in standard input, until a
 * stop is requested. Prints a line for each level. Sets *some_refused to whether a sku has no
 * level, or cannot be settled, or some input was refused, which is reported. The ledger is open as
 * LEDGER_STOCK. Returns EXIT_OK, EXIT_STORE or EXIT_OUTPUT.
 */
enum exit_code settle(struct ledger *ledger, char **skus, bool *some_refused);

/* As settle(), for each level in the ledger. */
enum exit_code settle_all(struct ledger *ledger, bool *some_refused);

#endif
