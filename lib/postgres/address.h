/*
 * address: where a PostgreSQL database is, from a URI as libpq reads it, and what a connection to
 * it asks for beyond that.
 *
 * Unless the URI says otherwise, an address that does not answer is given up after 5 s, and a
 * connection whose peer is silent after about 20 s; of several hosts, and always if it is to be
 * written to, the one that can be written to is meant.
 */
#ifndef POSTGRES_ADDRESS_H
#define POSTGRES_ADDRESS_H

#include "base/report.h"

#include <stdbool.h>

#define ADDRESS_PARAMETERS_MAX 16

struct address {
    char *uri;
    char *name; /* "host:port/database", without user and password; safe to show */
    /* For PQconnectdbParams(), with the URI as "dbname"; the last keyword is NULL. */
    const char *keywords[ADDRESS_PARAMETERS_MAX];
    const char *values[ADDRESS_PARAMETERS_MAX];
};

/*
 * Reads the URI name or, if that is NULL, the one in the environment variable, of a database that
 * is only read or also written to. libpq must be loaded. A password is refused in name, which comes
 * from the command line. Returns EXIT_OK, with *address to be freed by address_free(); or
 * EXIT_STORE, reported without any part of the URI that may be secret.
 */
enum exit_code address_read(const char *name, const char *variable, bool is_written,
                            struct address **address);

/* Returns a copy, to be freed by address_free(). */
struct address *address_copy(const struct address *address);

/* Frees the address. NULL is harmless. */
void address_free(struct address *address);

#endif
