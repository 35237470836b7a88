/*
 * notified: which orders' customers have been told of what, so that none is told it twice.
 *
 * A customer is told of each kind of event about an order once. An order and a kind have one key in
 * the store: "order" below stands for both. The key of a reservation is the order_id itself, as it
 * was when there was no other kind.
 *
 * Whoever is going to tell claims the orders of a turn first. The claim is on disk before anybody
 * is told, and belongs to a run (one execution of notify-worker). The call that claims the orders
 * of the next turn records what became of those of the last one, in the same commit. If a run ends
 * before that, its claim is in doubt: the customers may have been told or not.
 *
 * An open store is a struct notified whose operations are those of an engine; engine/open.h opens
 * one. advance() may be repeated with the same arguments after a failure, as long as may_pass()
 * says that this can succeed: so it fits engines that can be away, too.
 */
#ifndef STORE_NOTIFIED_H
#define STORE_NOTIFIED_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum standing {
    STANDING_CLAIMED,  /* by this call: to be told */
    STANDING_IN_DOUBT, /* the same, after a run that ended and has not said what became of it */
    STANDING_SPENT,    /* claimed, but not to be told: max_attempts were begun before */
    STANDING_OURS,     /* claimed by this call already: a second copy */
    STANDING_OTHERS,   /* claimed by a run that lives: ask again later */
    STANDING_TOLD
};

/* What a customer is told: that the order is reserved, has failed, or was released again. */
enum notified_kind { NOTIFIED_RESERVED, NOTIFIED_FAILED, NOTIFIED_RELEASED };

#define NOTIFIED_KEY_SIZE 144

/*
 * Writes the key of an order and a kind: the order_id, which has at most 128 bytes and no control
 * characters, and for other kinds than NOTIFIED_RESERVED a tab and "failed" or "released".
 */
void notified_key(char key[NOTIFIED_KEY_SIZE], const char *order_id, enum notified_kind kind);

/* An order to be claimed. */
struct notified_claim {
    const char *key; /* given */
    enum standing standing;
    int attempt; /* times it was begun to be told: the one that begins now is counted, but not of
                    STANDING_SPENT; unset for the last three */
};

/* An order of the last turn that was not told. */
struct notified_release {
    const char *key;
    int attempts; /* begun so far, none known to have succeeded; with 0 the order is forgotten */
};

struct notified;

struct notified_operations {
    /*
     * Records the orders that the last call claimed as told, except those released, which are free
     * again; and claims others at at_ms (milliseconds since 1970; a database has a clock of its
     * own). Both counts may be 0. On EXIT_OK it is on disk, if anything was to be recorded.
     *
     * After EXIT_STORE, reported, nobody is to be told, and the last turn is still to be recorded.
     * In a file nothing has happened then. In a database any part of it may have: a commit was not
     * answered, or was the first of two. Either way the same call may be made again: what the first
     * has claimed is claimed, and no further attempt is counted. Without that the orders that it
     * may have claimed are in doubt once the run has ended.
     *
     * A call that claims keeps room on the disk for the one that records what became of it.
     */
    enum exit_code (*advance)(struct notified *notified, const struct notified_release *released,
                              size_t released_count, struct notified_claim *claims,
                              size_t claim_count, int64_t at_ms);

    /*
     * Returns whether the claims of the last call are surely still this run's: to be asked right
     * before telling. Otherwise this process was held up for so long that another run may have
     * claimed the orders: release them, and claim them again. That one run tells right after the
     * question, and is held up in the midst of it until another run tells, too, remains possible.
     */
    bool (*may_tell)(const struct notified *notified);

    /* Returns whether the last failure may pass: another process held the store for too long, or
     * a database is away. */
    bool (*may_pass)(const struct notified *notified);

    /* Sets *bytes to the size of the store, of its tables and indices; without the log of a file.
     * Returns whether it could. A failure is no reason to end: the next call of another operation
     * meets what is behind it. That of a file is reported; a database that is away is not waited
     * for. */
    bool (*measure)(struct notified *notified, int64_t *bytes);

    /* Upkeep, for a moment when nobody waits for what was recorded last: some milliseconds. */
    void (*idle)(struct notified *notified);

    /* Frees all, and ends the run. */
    void (*close)(struct notified *notified);
};

struct notified {
    const struct notified_operations *operations;
};

#endif
