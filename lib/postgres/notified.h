/* notified: the tables that the notified customers are in. */
#ifndef POSTGRES_NOTIFIED_H
#define POSTGRES_NOTIFIED_H

#include "postgres/session.h"

extern const struct session_kind postgres_notified_kind;

#endif
