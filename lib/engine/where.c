#include "engine/where.h"

#include "base/output.h"
#include "engine/open.h"
#include "postgres/open.h"
#include "sqlite/open.h"

#include <stdlib.h>
#include <string.h>

static char *where_is(enum moved_domain domain)
{
    switch (engine_of(engine_variable(domain))) {
    case ENGINE_POSTGRES:
        return postgres_where(engine_variable(domain));
    case ENGINE_SQLITE:
        return sqlite_where(domain);
    default:
        return NULL;
    }
}

/* A failure to write is not lost: output_close() returns it. */
static _Noreturn void show(enum moved_domain domain)
{
    char *text = where_is(domain);

    if (text == NULL)
        exit(EXIT_STORE);
    (void)output_line(text, strlen(text));
    free(text);
    exit((int)output_close(EXIT_OK));
}

static void show_orders(const char *option, const char *argument)
{
    (void)option;
    (void)argument;
    show(MOVED_ORDERS);
}

static void show_ledger(const char *option, const char *argument)
{
    (void)option;
    (void)argument;
    show(MOVED_LEDGER);
}

static void show_notified(const char *option, const char *argument)
{
    (void)option;
    (void)argument;
    show(MOVED_NOTIFIED);
}

struct option_entry where_orders_table[] = {
    {"where", NULL, "print where the orders are stored (ORDER_STORE)", .call = show_orders},
    {0},
};

struct option_entry where_ledger_table[] = {
    {"where", NULL, "print where the ledger is (INVENTORY_LEDGER)", .call = show_ledger},
    {0},
};

struct option_entry where_notified_table[] = {
    {"where", NULL, "print where it is noted who was told (NOTIFY_LEDGER)", .call = show_notified},
    {0},
};

char *where_is_ledger(void)
{
    return where_is(MOVED_LEDGER);
}
