/*
 * open: opens the stores in a PostgreSQL database.
 *
 * uri is NULL for the one in ORDER_STORE, INVENTORY_LEDGER or NOTIFY_LEDGER. All return EXIT_OK, or
 * EXIT_STORE, reported, with the pointer NULL. patience may be NULL: one attempt.
 */
#ifndef POSTGRES_OPEN_H
#define POSTGRES_OPEN_H

#include "base/report.h"
#include "store/cancellations.h"
#include "store/ledger.h"
#include "store/mover.h"
#include "store/notified.h"
#include "store/orders.h"
#include "store/patience.h"

enum exit_code postgres_orders_open(const char *uri, enum orders_access access,
                                    const struct store_patience *patience, struct orders **orders);

enum exit_code postgres_cancellations_open(const char *uri, const struct store_patience *patience,
                                           struct cancellations **cancellations);

enum exit_code postgres_ledger_open(const char *uri, enum ledger_access access,
                                    const struct store_patience *patience, struct ledger **ledger);

/* Looks at a ledger: engine_look_at_ledger(). */
enum ledger_look postgres_ledger_look(const char *uri, struct ledger_outbox *outbox,
                                      char reason[LEDGER_REASON_SIZE]);

enum exit_code postgres_notified_open(const char *uri, int max_attempts,
                                      const struct store_patience *patience,
                                      struct notified **notified);

enum exit_code postgres_mover_open(enum moved_domain domain, const char *uri, enum mover_side side,
                                   struct mover **mover);

/* Returns the database that the environment variable names, without user and password, to be freed
 * with free(); NULL, reported, if it is not a URI. */
char *postgres_where(const char *variable);

#endif
