/*
 * open: opens the orders, the ledger and the notified customers, in the engine that their name asks
 * for.
 *
 * A name is that of a file, for SQLite, or the URI of a PostgreSQL database, postgresql://... NULL
 * stands for the name in ORDER_STORE, INVENTORY_LEDGER or NOTIFY_LEDGER and, if that is not set,
 * for a file under $XDG_STATE_HOME/order-tools/ or ~/.local/state/order-tools/.
 *
 * patience says how long to try if a database is away; with NULL there is one attempt.
 *
 * Functions that open return EXIT_OK, or EXIT_STORE, reported, with the pointer NULL. What was
 * opened is freed with its operation close.
 */
#ifndef ENGINE_OPEN_H
#define ENGINE_OPEN_H

#include "base/report.h"
#include "store/cancellations.h"
#include "store/ledger.h"
#include "store/mover.h"
#include "store/notified.h"
#include "store/orders.h"
#include "store/patience.h"

enum exit_code engine_open_orders(const char *name, enum orders_access access,
                                  const struct store_patience *patience, struct orders **orders);

/* Opens the cancellations in the store of orders; a file must be there. */
enum exit_code engine_open_cancellations(const char *name, const struct store_patience *patience,
                                         struct cancellations **cancellations);

enum exit_code engine_open_ledger(const char *name, enum ledger_access access,
                                  const struct store_patience *patience, struct ledger **ledger);

/* max_attempts: how often it is begun, at most, to tell one customer. */
enum exit_code engine_open_notified(const char *name, int max_attempts,
                                    const struct store_patience *patience,
                                    struct notified **notified);

/* Opens one end of a move. */
enum exit_code engine_open_mover(enum moved_domain domain, const char *name, enum mover_side side,
                                 struct mover **mover);

/*
 * Counts the events that are owed in a ledger, whatever version of the schema it has. Makes and
 * changes nothing, and waits at most 1 s for a writer. Returns LEDGER_SEEN with *outbox filled
 * in; LEDGER_ABSENT if there is no ledger yet, and neither name nor INVENTORY_LEDGER names a file;
 * or LEDGER_UNREADABLE with the reason as text that is safe to be shown.
 */
enum ledger_look engine_look_at_ledger(const char *name, struct ledger_outbox *outbox,
                                       char reason[LEDGER_REASON_SIZE]);

/* Returns the variable of the environment that says where a domain is. */
const char *engine_variable(enum moved_domain domain);

/* The engine that a variable of the environment asks for: ORDER_STORE, INVENTORY_LEDGER or
 * NOTIFY_LEDGER. */
enum engine { ENGINE_NONE, ENGINE_SQLITE, ENGINE_POSTGRES };

/* Returns that engine; ENGINE_NONE, reported, if it names a database of another kind. */
enum engine engine_of(const char *variable);

#endif
