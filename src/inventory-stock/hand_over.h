/*
 * hand_over: reserved orders that are handed over to their customers: they leave what is reserved.
 *
 * What is on disk when the program is killed, per order:
 *
 *   state                                        after a kill
 *   H0  its id was read                          it is as it was: give the id again
 *   H1  one commit: the order's end, its units   no answer; the same id is refused as handed over
 *       handed over, and the event, which        already, nothing is moved a second time, and an
 *       inventory-worker is to publish           inventory-worker publishes the recorded event
 *   H2  answered                                 done
 */
#ifndef INVENTORY_STOCK_HAND_OVER_H
#define INVENTORY_STOCK_HAND_OVER_H

#include "base/report.h"
#include "store/ledger.h"

#include <stdbool.h>

/*
 * Hands over the orders with these ids, an array that NULL ends, or, if it is empty, with those in
 * standard input, until a stop is requested. Answers each with a line on standard output. Sets
 * *some_refused to whether an order was not handed over, or some input refused. The ledger is open
 * as LEDGER_STOCK. Returns EXIT_OK, EXIT_STORE or EXIT_OUTPUT.
 */
enum exit_code hand_over(struct ledger *ledger, char **ids, bool *some_refused);

#endif
