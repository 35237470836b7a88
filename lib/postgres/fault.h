/*
 * fault: what a failure of a statement or a connection means: whether it is of use to try again.
 */
#ifndef POSTGRES_FAULT_H
#define POSTGRES_FAULT_H

#include "postgres/libpq.h"

#define FAULT_REASON_SIZE 512

enum fault_kind {
    FAULT_NONE,
    FAULT_AWAY,     /* the database is away, or cannot do it now: try again later */
    FAULT_CONFLICT, /* with another transaction: try again soon */
    FAULT_RUN_LOST, /* another process has ended the run: runs.h */
    FAULT_ABSENT,   /* a table is not there */
    FAULT_RIGHTS,   /* a right is missing */
    FAULT_FINAL     /* no use to try again */
};

struct fault {
    enum fault_kind kind;
    char reason[FAULT_REASON_SIZE]; /* one line that is safe to show */
};

/* Fills in a fault. reason is made safe to show. */
void fault_set(struct fault *fault, enum fault_kind kind, const char *reason);

/* Fills in the fault of a connection that could not be made. */
void fault_of_login(struct fault *fault, PGconn *connection);

/* Fills in the fault of a connection that is broken. */
void fault_of_connection(struct fault *fault, PGconn *connection);

/* Fills in the fault of a result, unless it is a success. */
void fault_of_result(struct fault *fault, const PGresult *result);

#endif
