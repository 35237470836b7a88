/*
 * order_store: the orders that were placed, on disk before they are on the broker.
 *
 * An order is PENDING from the commit that stores it to the commit that follows the broker's
 * confirm; then it is PLACED. Each pending order belongs to a run of order-place. A run that has
 * ended, however it did, holds its lock no longer: its pending orders can then be taken over, by
 * one run only.
 *
 * Functions that can fail report why and give EXIT_STORE. The file is $ORDER_STORE.
 */
#ifndef STORE_ORDERS_H
#define STORE_ORDERS_H

#include "base/report.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct orders;

enum orders_access { ORDERS_PLACE, ORDERS_LOOK };

enum order_status { ORDER_PENDING, ORDER_PLACED };

struct stored_order {
    int64_t seq; /* ascends in the order of storing */
    unsigned char id[UUID_BYTES];
    int64_t placed_at; /* milliseconds since 1970 */
    enum order_status status;
    const char *data; /* the order as it came, without white space; valid until the next call */
    size_t data_len;
};

enum exit_code orders_open(enum orders_access access, struct orders **store);
void orders_close(struct orders *store);

/*
 * Between the two: orders_add(), _confirm(), and _find() for what is decided by it. Nothing has
 * happened until commit gives EXIT_OK.
 */
enum exit_code orders_begin(struct orders *store);
/* The same for _confirm() alone: after a loss of power an order may be pending again, and is
 * published again. */
enum exit_code orders_begin_relaxed(struct orders *store);

enum exit_code orders_commit(struct orders *store);

/* The same in two steps, with something else to be done in between: see database_commit_ahead(). */
enum exit_code orders_commit_ahead(struct orders *store);
enum exit_code orders_finish_sync(struct orders *store);

void orders_roll_back(struct orders *store);

/* Once what was committed has been published or told: see database_checkpoint(). */
void orders_checkpoint(struct orders *store);

/* Stores an order, pending, of this run. There must be none of its id; seq is filled in. */
enum exit_code orders_add(struct orders *store, struct stored_order *order);

/* The broker has it: pending no longer. Harmless if it was not pending. */
enum exit_code orders_confirm(struct orders *store, int64_t seq);

enum exit_code orders_find(struct orders *store, const unsigned char id[UUID_BYTES],
                           struct stored_order *order, bool *found);

/*
 * Makes the pending orders of ended runs this run's own. *last is the greatest seq of them, 0 if
 * there are none.
 */
enum exit_code orders_claim(struct orders *store, int64_t *last);

/* The first pending order of this run with a seq after after, and not after last. */
enum exit_code orders_next_own(struct orders *store, int64_t after, int64_t last,
                               struct stored_order *order, bool *found);

/* The first order of any run after that seq; with only, the first of that status. */
enum exit_code orders_next(struct orders *store, int64_t after, const enum order_status *only,
                           struct stored_order *order, bool *found);

enum exit_code orders_count(struct orders *store, const enum order_status *only, int64_t *count);

const char *order_status_name(enum order_status status);

#endif
