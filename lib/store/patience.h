/*
 * patience: how long a store goes on trying if its database is away, or locked by another program.
 * Of a file, attempts and delay_s say nothing.
 */
#ifndef STORE_PATIENCE_H
#define STORE_PATIENCE_H

#include <stdbool.h>

struct store_patience {
    int attempts; /* at most, in a row, for one call */
    int delay_s;  /* between two of them */
    /* Once the store is open, no call takes longer than a second or two: while the database is away
     * a call fails at once, and connecting goes on in the background. A file that another program
     * has locked for writing fails commit() of orders after some milliseconds, which is reported
     * once it has lasted for a second, and again when it is over. */
    bool never_waits;
};

#endif
