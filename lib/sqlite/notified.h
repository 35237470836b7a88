/* notified: the kind of database that the notified customers are in. */
#ifndef SQLITE_NOTIFIED_H
#define SQLITE_NOTIFIED_H

#include "sqlite/database.h"

extern const struct database_kind notified_kind;

#endif
