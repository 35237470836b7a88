/*
 * orders: the orders that were placed, stored before they are on the broker.
 *
 * An order is PENDING from the commit that stores it to the commit that follows the broker's
 * confirm; then it is PLACED. A pending order belongs to a run (one execution of order-place).
 * Those of a run that has ended, however it ended, are left over: another run claims them, and of
 * several only one gets each.
 *
 * What became of it afterwards is recorded with record(), in whatever order and however often it is
 * told: the status never goes backwards, and each comes with its time.
 *
 * For questions about users, restaurants and times orders are listed, with list(), some time after
 * they were stored: so that storing does not take longer. question.h asks, and lists.
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
    ORDERS_PLACE, /* starts a run, which close() ends; makes the store if there is none. commit(),
                     await(), find(), claim() and each_pending() */
    ORDERS_TRACK, /* makes the store if there is none. record(), settled() and list(), and those
                     of ORDERS_LOOK */
    ORDERS_LOOK   /* find(), each(), count(), listed(), find_listed() and fetch() */
};

/* In the order of an order's life. */
enum order_status {
    ORDER_PENDING,
    ORDER_PLACED,
    ORDER_RESERVED,
    ORDER_FAILED,
    ORDER_CANCELLED,
    ORDER_HANDED_OVER
};

#define ORDER_STATUS_COUNT 6

struct stored_order {
    int64_t key; /* names the order within the store, in the order of storing. In a database that
                    several processes write to, a smaller key may appear after a greater one */
    unsigned char id[UUID_BYTES];
    int64_t placed_at; /* milliseconds since 1970 */
    enum order_status status;
    const char *data; /* JSON as it came, without white space; ends with NUL if read from a store */
    size_t data_len;
    const char *trace; /* context (trace/context.h) that its event is to carry, or NULL. Kept while
                          the order is pending; read by each_pending() alone */
    /* If read from a store: */
    const char *reason;                     /* why it is FAILED or CANCELLED, or NULL */
    int64_t reached_at[ORDER_STATUS_COUNT]; /* when, from RESERVED on, as placed_at; 0 for a status
                                               that it did not have, or of which nobody has told */
};

/*
 * Called for one order. index counts from 0: the place in the array that the operation was given
 * or, without one, in what it has found. order is valid until visit returns, or calls an operation.
 * Returns whether to go on.
 */
typedef bool orders_visit(void *context, size_t index, const struct stored_order *order);

/* What commit() does at once. */
struct orders_commit {
    struct stored_order *added; /* to be stored, pending, of this run; id, placed_at, data
                                    and trace */
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

/* What became of an order, for record(). */
struct order_outcome {
    unsigned char id[UUID_BYTES];
    enum order_status status; /* RESERVED or a later one */
    int64_t at;               /* milliseconds since 1970 */
    const char *reason;       /* or NULL */
    enum {
        OUTCOME_HAS_NO_ORDER, /* nothing was recorded: no such order is stored */
        OUTCOME_IS_KNOWN,     /* it was recorded before */
        OUTCOME_IS_NEW
    } standing; /* set by record() */
};

/* What an order is looked up by. */
struct order_traits {
    int64_t key;
    int64_t placed_at;
    const char *user_id;
    const char *restaurant_id;
};

/* A question, to which all orders are an answer of which all of it is true. */
struct orders_question {
    const enum order_status *only; /* or NULL */
    int64_t since_ms;              /* placed then or later */
    int64_t until_ms;              /* placed earlier; INT64_MAX: no limit */
    const char *user_id;           /* or NULL */
    const char *restaurant_id;     /* or NULL */
};

/* Keys of orders. Zeroed and filled by find_listed(); all is to be freed with free(). */
struct order_keys {
    int64_t *all;
    size_t count;
    size_t size;
};

/* Adds a key. */
void order_keys_add(struct order_keys *keys, int64_t key);

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

    /* Records outcomes, all or none; on EXIT_OK they are on disk. */
    enum exit_code (*record)(struct orders *orders, struct order_outcome *outcomes, size_t count);

    /* Sets *last to the greatest key up to which all orders are listed; 0 if none is. */
    enum exit_code (*listed)(struct orders *orders, int64_t *last);

    /* Sets *last to a key up to which no order can appear any more. */
    enum exit_code (*settled)(struct orders *orders, int64_t *last);

    /* Lists orders, ascending: those that follow the last that are listed, without a gap, up to a
     * key that settled() gave. Need not be synced. */
    enum exit_code (*list)(struct orders *orders, const struct order_traits *traits, size_t count);

    /* Adds to keys those of the orders that are listed and answer question, ascending. It asks for
     * a time, a user or a restaurant. */
    enum exit_code (*find_listed)(struct orders *orders, const struct orders_question *question,
                                  struct order_keys *keys);

    /* Visits the orders of count keys, which ascend, but for those that are gone. */
    enum exit_code (*fetch)(struct orders *orders, const int64_t *keys, size_t count,
                            orders_visit *visit, void *context);

    /* Returns whether the last failure may pass: a database is away, and the same call may succeed
     * later. */
    bool (*may_pass)(const struct orders *orders);

    /* Returns whether the last commit(), if it failed, may have been done all the same. */
    bool (*is_in_doubt)(const struct orders *orders);

    /* With never_waits: returns whether the last commit() failed because another program has
     * locked the store for writing. Nothing of it was done. */
    bool (*is_locked)(const struct orders *orders);

    /* Sets *bytes to the size of the store, of its tables and indices; without the log of a file.
     * Returns whether it could. A failure is no reason to end: the next call of another operation
     * meets what is behind it. That of a file is reported; a database that is away is not waited
     * for.
     * Not to be called between commit() and await(). */
    bool (*measure)(struct orders *orders, int64_t *bytes);

    /* Upkeep, for a moment when nobody waits for what was committed last, and for every few seconds
     * in which nothing is committed: some milliseconds; a second or two if a database is away. */
    void (*idle)(struct orders *orders);

    /* Frees all, and ends the run. */
    void (*close)(struct orders *orders);
};

struct orders {
    const struct orders_operations *operations;
};

/* Returns "PENDING", "PLACED", "RESERVED", "FAILED", "CANCELLED" or "HANDED_OVER". */
const char *order_status_name(enum order_status status);

/* Sets *status to the one of that name. Returns false if there is none. */
bool order_status_read(const char *name, enum order_status *status);

/* All names, in one text for the table of options, and for messages. */
#define ORDER_STATUS_WORDS "PENDING|PLACED|RESERVED|FAILED|CANCELLED|HANDED_OVER"
#define ORDER_STATUS_NAMES "PENDING, PLACED, RESERVED, FAILED, CANCELLED or HANDED_OVER"

#endif
