/*
 * open: the orders, the ledger and the notified customers in SQLite files: for lib/engine.
 *
 * path is the file; NULL means the one that ORDER_STORE, INVENTORY_LEDGER or NOTIFY_LEDGER names,
 * and without those the default under $XDG_STATE_HOME/order-tools/ or ~/.local/state/order-tools/.
 * Every function returns EXIT_OK, or EXIT_STORE, reported, with the pointer NULL. What was opened
 * is freed with its operation close.
 */
#ifndef SQLITE_OPEN_H
#define SQLITE_OPEN_H

#include "base/report.h"
#include "store/ledger.h"
#include "store/notified.h"
#include "store/orders.h"

#include <stdbool.h>

enum exit_code sqlite_orders_open(const char *path, enum orders_access access,
                                  struct orders **orders);

enum exit_code sqlite_ledger_open(const char *path, enum ledger_access access,
                                  struct ledger **ledger);

enum exit_code sqlite_notified_open(const char *path, int max_attempts, struct notified **notified);

/* Returns the path of the ledger's file, to be freed; NULL if there is no such file. */
char *sqlite_ledger_place(void);

/*
 * Counts the events that are owed in the ledger at path, of this or an earlier version of its
 * schema. Makes and changes nothing, and waits at most 1 s for a process that writes. Returns
 * false, with the reason as text that is safe to be shown, if that cannot be read.
 */
bool sqlite_ledger_look(const char *path, struct ledger_outbox *outbox,
                        char reason[LEDGER_REASON_SIZE]);

#endif
