/*
 * mover: moving the content of a file. For the files of the mover alone.
 *
 *   mover.c        one end of a move, whatever the domain
 *   mover_kinds.c  what is special to a domain
 */
#ifndef SQLITE_MOVER_H
#define SQLITE_MOVER_H

#include "sqlite/database.h"
#include "store/mover.h"

#define MOVER_WRITES_MAX 4

struct mover_part {
    const char *count;
    const char *read;                     /* ?1 is the key before the first row, ?2 how many rows */
    const char *writes[MOVER_WRITES_MAX]; /* in this order, each with all columns as ?1, ?2, ... */
};

struct mover_kind {
    const struct database_kind *database;
    struct mover_part parts[MOVED_PARTS_MAX];
};

/* Returns what is special to a domain. */
const struct mover_kind *sqlite_mover_kind(enum moved_domain domain);

#endif
