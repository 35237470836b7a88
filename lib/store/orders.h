/*
 * orders: the orders that were placed, stored before they are on the broker.
 *
 * An order is PENDING from the commit that stores it to the commit that follows the broker's
 * confirm; then it is PLACED. A pending order belongs to a run (one execution of order-place).
 * Those of a run that has ended, however it ended, are left over: another run claims them, and of
 * several only one gets each.
 *
 * An open store is a struct orders whose operations are those of an engine; engine/open.h opens
 * one. All operations that can fail return EXIT_OK or EXIT_STORE; a failure was reported, and
 * nothing of the call has happened, unless is_in_doubt() says otherwise. Each may be repeated with
 * the same arguments: an order that commit() stored before is found, and pending.
 */
#ifndef STORE_ORDERS_H
#define STORE_ORDERS_H

#include "base/report.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum orders_access {
    ORDERS_PLACE, /* starts a run, which close() ends; makes the store if there is none. All
                     operations but each() and count() */
    ORDERS_LOOK   /* find(), each() and count() */
};

enum order_status { ORDER_PENDING, ORDER_PLACED };

struct stored_order {
    int64_t key; /* names the order within the store, in the order of storing. In a database that
                    several processes write to, a smaller key may appear after a greater one */
    unsigned char id[UUID_BYTES];
    int64_t placed_at; /* milliseconds since 1970 */
    enum order_status status;
    const char *data; /* JSON as it came, without white space; ends with NUL if read from a store */
    size_t data_len;
};

/*
 * Called for one order. index counts from 0: the place in the array that the operation was given
 * or, without one, in what it has found. order is valid until visit returns, or calls an operation.
 * Returns whether to go on.
 */
typedef bool orders_visit(void *context, size_t index, const struct stored_order *order);

/* What commit() does at once. */
struct orders_commit {
    struct stored_order *added; /* to be stored, pending, of this run; id, placed_at and data */
    size_t added_count;
    const int64_t *placed; /* keys of orders that the broker has confirmed, ascending as far as
                              possible; harmless for one that is not pending */
    size_t placed_count;
    /*
     * Told, in their order, of those to be stored: the order itself, with its key, or the one of
     * that id that is known already. The commit may still fail afterwards. Must return true.
     */
    orders_visit *visit;
    void *context;
};

struct orders;

struct orders_operations {
    /*
     * Stores orders and marks others as placed. On EXIT_OK that is decided and survives a kill; a
     * loss of power, too, once await() has returned EXIT_OK, and no other operation may be called
     * before. If none is added it need not be synced: it survives a loss of power only once
     * something was added after it; otherwise an order may be pending again, and is published
     * again.
     */
    enum exit_code (*commit)(struct orders *orders, const struct orders_commit *commit);

    /* Waits until the last commit is on disk. */
    enum exit_code (*await)(struct orders *orders);

    /* Visits the order of each id; order is NULL if there is none. */
    enum exit_code (*find)(struct orders *orders, const unsigned char (*ids)[UUID_BYTES],
                           size_t count, orders_visit *visit, void *context);

    /* Makes the pending orders of ended runs this run's own. Sets *last to the greatest key of
     * them, 0 if there are none. */
    enum exit_code (*claim)(struct orders *orders, int64_t *last);

    /* Visits the pending orders of this run whose key is above after and not above last, in the
     * order of keys. visit may call commit() and await(). */
    enum exit_code (*each_pending)(struct orders *orders, int64_t after, int64_t last,
                                   orders_visit *visit, void *context);

    /* Visits the orders of all runs whose key is above after, in the order of keys; with only,
     * those of that status. */
    enum exit_code (*each)(struct orders *orders, const enum order_status *only, int64_t after,
                           orders_visit *visit, void *context);

    /* Counts the orders of all runs; with only, those of that status. */
    enum exit_code (*count)(struct orders *orders, const enum order_status *only, int64_t *count);

    /* Returns whether the last failure may pass: a database is away, and the same call may succeed
     * later. */
    bool (*may_pass)(const struct orders *orders);

    /* Returns whether the last commit(), if it failed, may have been done all the same. */
    bool (*is_in_doubt)(const struct orders *orders);

    /* With never_waits: returns whether the last commit() failed because another program has
     * locked the store for writing. Nothing of it was done. */
    bool (*is_locked)(const struct orders *orders);

    /* Upkeep, for a moment when nobody waits for what was committed last, and for every few seconds
     * in which nothing is committed: some milliseconds; a second or two if a database is away. */
    void (*idle)(struct orders *orders);

    /* Frees all, and ends the run. */
    void (*close)(struct orders *orders);
};

struct orders {
    const struct orders_operations *operations;
};

/* Returns "PENDING" or "PLACED". */
const char *order_status_name(enum order_status status);

#endif
