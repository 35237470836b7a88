/*
 * cancellations: the orders that were cancelled, stored beside them before the broker is told.
 *
 * A cancellation is pending from the commit that stores it to the one that follows the broker's
 * confirm; then it is sent. An order has one at most, which stays. A pending one belongs to a run,
 * as a pending order does (orders.h): those of a run that has ended are left over, and of several
 * runs only one gets each.
 *
 * Open cancellations are a struct cancellations whose operations are those of an engine;
 * engine/open.h opens them. All operations that can fail return EXIT_OK or EXIT_STORE; a failure
 * was reported, and nothing of the call has happened, unless is_in_doubt() says otherwise. Each may
 * be repeated with the same arguments. On EXIT_OK all of it is on disk.
 */
#ifndef STORE_CANCELLATIONS_H
#define STORE_CANCELLATIONS_H

#include "base/report.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cancellation_state {
    CANCELLATION_UNKNOWN, /* the store has no such order: nothing is stored */
    CANCELLATION_PENDING,
    CANCELLATION_SENT,
    /* The outcome of the order is recorded (orders.h), and nothing is stored that was not. */
    CANCELLATION_FAILED,
    CANCELLATION_CANCELLED,
    CANCELLATION_HANDED_OVER
};

struct cancellation {
    int64_t key; /* names it within the store: the key of its order */
    unsigned char id[UUID_BYTES];
    int64_t cancelled_at; /* milliseconds since 1970 */
    const char *reason;   /* ends with NUL */
    const char *trace;    /* context (trace/context.h) that its event is to carry, or NULL */
    enum cancellation_state state;
    bool is_repeated; /* one is stored before: time, reason and trace are those of the first */
};

/*
 * Called for one cancellation, which is valid until visit returns. index counts from 0: the place
 * in the array that the operation was given or, without one, in what it has found. Returns whether
 * to go on. Must not call an operation.
 */
typedef bool cancellations_visit(void *context, size_t index,
                                 const struct cancellation *cancellation);

struct cancellations;

struct cancellations_operations {
    /*
     * Stores cancellations as pending, of this run: id, cancelled_at, reason and trace of each of
     * all, among which no id is there twice. Visits each as the store has it then, in their order;
     * the result of visit is ignored. The commit may still fail afterwards.
     */
    enum exit_code (*add)(struct cancellations *cancellations, const struct cancellation *all,
                          size_t count, cancellations_visit *visit, void *context);

    /* Marks those with these keys as sent, of whatever run. With a file it is not synced: after a
     * loss of power some may be pending again, and are published again. */
    enum exit_code (*mark_sent)(struct cancellations *cancellations, const int64_t *keys,
                                size_t count);

    /* Makes the pending ones of ended runs this run's own. */
    enum exit_code (*claim)(struct cancellations *cancellations);

    /* Visits the pending ones of this run whose key is above after, in the order of keys. */
    enum exit_code (*each_pending)(struct cancellations *cancellations, int64_t after,
                                   cancellations_visit *visit, void *context);

    /* Returns whether the last add(), if it failed, may have been done all the same. */
    bool (*is_in_doubt)(const struct cancellations *cancellations);

    /* Upkeep, for a moment when nobody waits: some milliseconds. */
    void (*idle)(struct cancellations *cancellations);

    /* Frees all, and ends the run. */
    void (*close)(struct cancellations *cancellations);
};

struct cancellations {
    const struct cancellations_operations *operations;
};

#endif
