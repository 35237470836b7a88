/* size: how large tables are, with their indices. */
#ifndef POSTGRES_SIZE_H
#define POSTGRES_SIZE_H

#include "postgres/session.h"

#include <stdbool.h>
#include <stdint.h>

/* For a session_work: sets *bytes to the size of tables, an array as PostgreSQL writes it, such as
 * "{order_tools.notified}". Returns whether that succeeded. */
bool size_of_tables(struct session *session, const char *tables, int64_t *bytes);

#endif
