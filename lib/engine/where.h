/*
 * where: says where data is kept, for people who wonder which of several stores a program uses.
 *
 * A text names a file by its absolute path, or a database as "PostgreSQL HOST:PORT/DATABASE",
 * without user and password.
 */
#ifndef ENGINE_WHERE_H
#define ENGINE_WHERE_H

#include "base/options.h"

/* The option --where of a program that keeps orders, a ledger or notified customers: prints where
 * these are, and ends the program. A group for the table of the program. */
extern struct option_entry where_orders_table[];
extern struct option_entry where_ledger_table[];
extern struct option_entry where_notified_table[];

/* Returns where the ledger is, to be freed with free(); NULL, reported, if nothing says so. */
char *where_is_ledger(void);

#endif
