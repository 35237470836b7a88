/*
 * orders: an open store of orders, as the files orders*.c share it. For them alone: store/orders.h
 * says what its operations do.
 */
#ifndef SQLITE_ORDERS_H
#define SQLITE_ORDERS_H

#include "sqlite/database.h"
#include "sqlite/runs.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite_orders {
    struct orders orders; /* first, so that a pointer to it points to all of this */
    struct database *database;
    struct runs *runs; /* NULL with ORDERS_LOOK */
    bool never_waits;  /* for another process, once claim() has been called */
    char *text;        /* the data of the last order read */
    sqlite3_stmt *add;
    sqlite3_stmt *add_pending;
    sqlite3_stmt *confirm;
    sqlite3_stmt *other_runs;
    sqlite3_stmt *take_over;
    sqlite3_stmt *last_own;
    sqlite3_stmt *next_own;
    sqlite3_stmt *find;
    sqlite3_stmt *next;
    sqlite3_stmt *next_placed;
    sqlite3_stmt *next_pending;
    sqlite3_stmt *count;
    sqlite3_stmt *count_pending;
};

extern const struct database_kind orders_kind;

/* A query that orders_read() reads from, up to its condition. */
#define ORDERS_COLUMNS                                                                             \
    "SELECT seq, order_id, placed_at, data, EXISTS (SELECT 1 FROM pending p WHERE p.seq = o.seq) " \
    "FROM orders o "

/* Prepare the statements of orders_place.c, for a store with a run, and of orders_show.c. */
enum exit_code orders_prepare_to_place(struct sqlite_orders *store);
enum exit_code orders_prepare_to_show(struct sqlite_orders *store);

/* Runs a statement to its first row, if there is one, and reads an order from it, which is valid
 * until the next call. */
enum exit_code orders_read(struct sqlite_orders *store, sqlite3_stmt *statement,
                           struct stored_order *order, bool *found);

/* Finds the order of an id, in the same way. */
enum exit_code orders_find_one(struct sqlite_orders *store, const unsigned char id[UUID_BYTES],
                               struct stored_order *order, bool *found);

/* The operations of orders_place.c. */
enum exit_code orders_commit(struct orders *orders, const struct orders_commit *commit);
enum exit_code orders_await(struct orders *orders);
enum exit_code orders_claim(struct orders *orders, int64_t *last);
enum exit_code orders_each_pending(struct orders *orders, int64_t after, int64_t last,
                                   orders_visit *visit, void *context);

/* The operations of orders_show.c. */
enum exit_code orders_find(struct orders *orders, const unsigned char (*ids)[UUID_BYTES],
                           size_t count, orders_visit *visit, void *context);
enum exit_code orders_each(struct orders *orders, const enum order_status *only, int64_t after,
                           orders_visit *visit, void *context);
enum exit_code orders_count(struct orders *orders, const enum order_status *only, int64_t *count);

#endif
