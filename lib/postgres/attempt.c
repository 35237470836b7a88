#include "postgres/attempt.h"

#include "base/background.h"
#include "base/memory.h"
#include "base/pipe.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct attempt {
    struct address *address;
    _Atomic(PGconn *) connection; /* with what the thread has written, for the caller */
    int bell[2];
    atomic_bool is_left; /* by the thread or by the caller: the other one frees it */
};

static void free_attempt(struct attempt *attempt)
{
    (void)close(attempt->bell[0]);
    (void)close(attempt->bell[1]);
    address_free(attempt->address);
    free(attempt);
}

static void *connect_to(void *context)
{
    struct attempt *attempt = context;
    PGconn *connection =
        libpq.PQconnectdbParams(attempt->address->keywords, attempt->address->values, 1);

    if (connection == NULL)
        die_no_memory();
    attempt->connection = connection;
    pipe_ring(attempt->bell);
    if (atomic_exchange(&attempt->is_left, true)) {
        libpq.PQfinish(attempt->connection);
        free_attempt(attempt);
    }
    return NULL;
}

struct attempt *attempt_begin(const struct address *address)
{
    struct attempt *attempt = xcalloc(1, sizeof *attempt);

    attempt->address = address_copy(address);
    if (pipe_make_bell(attempt->bell)) {
        if (background_detach(connect_to, attempt))
            return attempt;
        (void)close(attempt->bell[0]);
        (void)close(attempt->bell[1]);
    }
    address_free(attempt->address);
    free(attempt);
    return NULL;
}

int attempt_descriptor(const struct attempt *attempt)
{
    return attempt->bell[0];
}

PGconn *attempt_end(struct attempt *attempt)
{
    PGconn *connection = attempt->connection;

    /* The bell rings a moment before the thread lets go, which then frees the attempt alone. */
    attempt->connection = NULL;
    if (atomic_exchange(&attempt->is_left, true))
        free_attempt(attempt);
    return connection;
}

void attempt_abandon(struct attempt *attempt)
{
    if (attempt == NULL || !atomic_exchange(&attempt->is_left, true))
        return;
    libpq.PQfinish(attempt->connection);
    free_attempt(attempt);
}
