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
#include "store/cancellations.h"
#include "store/ledger.h"
#include "store/mover.h"
#include "store/notified.h"
#include "store/orders.h"
#include "store/patience.h"

/* patience may be NULL. */
enum exit_code sqlite_orders_open(const char *path, enum orders_access access,
                                  const struct store_patience *patience, struct orders **orders);

/* Does not make the file. */
enum exit_code sqlite_cancellations_open(const char *path, struct cancellations **cancellations);

enum exit_code sqlite_ledger_open(const char *path, enum ledger_access access,
                                  struct ledger **ledger);

enum exit_code sqlite_notified_open(const char *path, int max_attempts, struct notified **notified);

enum exit_code sqlite_mover_open(enum moved_domain domain, const char *path, enum mover_side side,
                                 struct mover **mover);

/* Looks at a ledger of this or an earlier version of its schema: engine_look_at_ledger(). */
enum ledger_look sqlite_ledger_look(const char *path, struct ledger_outbox *outbox,
                                    char reason[LEDGER_REASON_SIZE]);

/* Returns the absolute path of the file of a domain, which need not exist, to be freed with free();
 * NULL, reported, if the environment does not say where it is. */
char *sqlite_where(enum moved_domain domain);

#endif
