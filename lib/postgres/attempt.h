/*
 * attempt: one attempt to connect to a database, in a thread of its own, since libpq looks up names
 * and tries one host after another without returning.
 */
#ifndef POSTGRES_ATTEMPT_H
#define POSTGRES_ATTEMPT_H

#include "postgres/address.h"
#include "postgres/libpq.h"

struct attempt;

/* Begins to connect. Returns NULL if the system allows no further thread or descriptor. */
struct attempt *attempt_begin(const struct address *address);

/* Returns a descriptor that becomes readable once the attempt has ended. */
int attempt_descriptor(const struct attempt *attempt);

/* Frees an attempt that has ended. Returns the connection, which may have failed, to be ended with
 * PQfinish(). */
PGconn *attempt_end(struct attempt *attempt);

/* Frees an attempt that is not waited for: it goes on, and its connection is closed. NULL is
 * harmless. */
void attempt_abandon(struct attempt *attempt);

#endif
