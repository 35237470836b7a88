/*
 * patience: how long a store goes on trying if its database is away. A store in a file has no use
 * for it.
 */
#ifndef STORE_PATIENCE_H
#define STORE_PATIENCE_H

#include <stdbool.h>

struct store_patience {
    int attempts; /* at most, in a row, for one call */
    int delay_s;  /* between two of them */
    /* Once the store is open, no call takes longer than a second or two: while the database is away
     * a call fails at once, and connecting goes on in the background. */
    bool never_waits;
};

#endif
