/* orders: the kind of database that the orders are in. */
#ifndef SQLITE_ORDERS_H
#define SQLITE_ORDERS_H

#include "sqlite/database.h"

extern const struct database_kind orders_kind;

#endif
