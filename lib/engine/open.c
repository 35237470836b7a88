#include "engine/open.h"

#include "postgres/open.h"
#include "sqlite/open.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpq takes both prefixes. A file of such a name can still be given as "./postgresql:...". */
static bool is_uri(const char *name)
{
    return strncmp(name, "postgresql:", strlen("postgresql:")) == 0 ||
           strncmp(name, "postgres:", strlen("postgres:")) == 0;
}

static bool is_postgresql(const char *name, const char *variable)
{
    if (name == NULL)
        name = getenv(variable);
    return name != NULL && is_uri(name);
}

/* "host=db dbname=campus", in any order: libpq takes that, too. */
static bool is_libpq_string(const char *name)
{
    static const char *const words[] = {
        "dbname=", "host=", "hostaddr=", "service=", "user=", "password=", "port="};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncmp(name, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Refuses "jdbc:postgresql://..." and the like, by which nobody means a file. They may hold a
 * password. */
static bool is_refused(const char *name, const char *origin)
{
    if (is_libpq_string(name)) {
        report("%s is a connection string of PostgreSQL: write it as a URI, postgresql://...",
               origin);
        return true;
    }
    if (is_uri(name) || strstr(name, "://") == NULL || *name == '/' || *name == '.')
        return false;
    report("%s is a URL, but not one of PostgreSQL: these begin with postgresql://", origin);
    return true;
}

static bool is_foreign(const char *name, const char *variable)
{
    if (name != NULL)
        return is_refused(name, "the name");
    name = getenv(variable);
    return name != NULL && is_refused(name, variable);
}

enum exit_code engine_open_orders(const char *name, enum orders_access access,
                                  const struct store_patience *patience, struct orders **orders)
{
    *orders = NULL;
    if (is_foreign(name, "ORDER_STORE"))
        return EXIT_STORE;
    return is_postgresql(name, "ORDER_STORE") ? postgres_orders_open(name, access, patience, orders)
                                              : sqlite_orders_open(name, access, patience, orders);
}

enum exit_code engine_open_cancellations(const char *name, const struct store_patience *patience,
                                         struct cancellations **cancellations)
{
    *cancellations = NULL;
    if (is_foreign(name, "ORDER_STORE"))
        return EXIT_STORE;
    return is_postgresql(name, "ORDER_STORE")
               ? postgres_cancellations_open(name, patience, cancellations)
               : sqlite_cancellations_open(name, cancellations);
}

enum exit_code engine_open_ledger(const char *name, enum ledger_access access,
                                  const struct store_patience *patience, struct ledger **ledger)
{
    *ledger = NULL;
    if (is_foreign(name, "INVENTORY_LEDGER"))
        return EXIT_STORE;
    return is_postgresql(name, "INVENTORY_LEDGER")
               ? postgres_ledger_open(name, access, patience, ledger)
               : sqlite_ledger_open(name, access, ledger);
}

enum exit_code engine_open_notified(const char *name, int max_attempts,
                                    const struct store_patience *patience,
                                    struct notified **notified)
{
    *notified = NULL;
    if (is_foreign(name, "NOTIFY_LEDGER"))
        return EXIT_STORE;
    return is_postgresql(name, "NOTIFY_LEDGER")
               ? postgres_notified_open(name, max_attempts, patience, notified)
               : sqlite_notified_open(name, max_attempts, notified);
}

enum exit_code engine_open_mover(enum moved_domain domain, const char *name, enum mover_side side,
                                 struct mover **mover)
{
    const char *variable = engine_variable(domain);

    *mover = NULL;
    if (is_foreign(name, variable))
        return EXIT_STORE;
    return is_postgresql(name, variable) ? postgres_mover_open(domain, name, side, mover)
                                         : sqlite_mover_open(domain, name, side, mover);
}

enum ledger_look engine_look_at_ledger(const char *name, struct ledger_outbox *outbox,
                                       char reason[LEDGER_REASON_SIZE])
{
    if (is_foreign(name, "INVENTORY_LEDGER")) {
        (void)snprintf(reason, LEDGER_REASON_SIZE, "the ledger cannot be used, as was reported");
        return LEDGER_UNREADABLE;
    }
    return is_postgresql(name, "INVENTORY_LEDGER") ? postgres_ledger_look(name, outbox, reason)
                                                   : sqlite_ledger_look(name, outbox, reason);
}

const char *engine_variable(enum moved_domain domain)
{
    static const char *const variables[] = {[MOVED_ORDERS] = "ORDER_STORE",
                                            [MOVED_LEDGER] = "INVENTORY_LEDGER",
                                            [MOVED_NOTIFIED] = "NOTIFY_LEDGER"};

    return variables[domain];
}

enum engine engine_of(const char *variable)
{
    if (is_foreign(NULL, variable))
        return ENGINE_NONE;
    return is_postgresql(NULL, variable) ? ENGINE_POSTGRES : ENGINE_SQLITE;
}
