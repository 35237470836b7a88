/*
 * mover: moving the content of a database. For the files of the mover alone.
 *
 *   mover.c        one end of a move, whatever the domain
 *   mover_kinds.c  what is special to a domain
 */
#ifndef POSTGRES_MOVER_H
#define POSTGRES_MOVER_H

#include "postgres/session.h"
#include "store/mover.h"

/* The SQL for a part. */
struct mover_part {
    const char *count;
    const char *read;  /* $1 is the key before the first row, $2 how many rows */
    const char *write; /* $1, $2, ... are arrays of the columns */
    const char *end;   /* after the last row was written, or NULL */
};

struct mover_kind {
    const struct session_kind *session;
    struct mover_part parts[MOVED_PARTS_MAX];
};

/* Returns what is special to a domain. */
const struct mover_kind *postgres_mover_kind(enum moved_domain domain);

#endif
