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
    struct runs *runs; /* NULL but with ORDERS_PLACE */
    bool never_waits;  /* for another process, once claim() has been called */
    char *text;        /* the data of the last order read */
    char *trace;       /* of the last pending order read; or NULL */
    sqlite3_stmt *add;
    sqlite3_stmt *add_pending;
    sqlite3_stmt *confirm;
    sqlite3_stmt *other_runs;
    sqlite3_stmt *take_over;
    sqlite3_stmt *last_own;
    sqlite3_stmt *next_own;
    sqlite3_stmt *set_trace;
    sqlite3_stmt *trace_of;
    sqlite3_stmt *find;
    sqlite3_stmt *next;
    sqlite3_stmt *next_placed;
    sqlite3_stmt *next_pending;
    sqlite3_stmt *next_outcome;
    sqlite3_stmt *count;
    sqlite3_stmt *count_pending;
    sqlite3_stmt *count_placed;
    sqlite3_stmt *count_outcome;
    sqlite3_stmt *fetch;
    sqlite3_stmt *listed;
    sqlite3_stmt *find_listed[5];
    sqlite3_stmt *key_of;
    sqlite3_stmt *record[ORDER_STATUS_COUNT];
    sqlite3_stmt *settled;
    sqlite3_stmt *list;
    sqlite3_stmt *start_waiting;
    sqlite3_stmt *end_waiting;
};

extern const struct database_kind orders_kind;

/* A query that orders_read() reads from, up to its condition: the columns of order_columns.h. */
#define ORDERS_COLUMNS                                                           \
    "SELECT o.seq, o.order_id, o.placed_at, o.data,"                             \
    " EXISTS (SELECT 1 FROM pending p WHERE p.seq = o.seq), x.status, x.reason," \
    " x.reserved_at, x.failed_at, x.cancelled_at, x.handed_over_at"              \
    " FROM orders o LEFT JOIN outcomes x ON x.seq = o.seq "

/* Prepares the statements of orders_place.c, for a store with a run. All others are prepared on
 * first use: to prepare one takes longer than to run it. */
enum exit_code orders_prepare_to_place(struct sqlite_orders *store);

/* Prepares a statement of the store, unless it is prepared. */
enum exit_code orders_prepare(struct sqlite_orders *store, sqlite3_stmt **statement,
                              const char *sql);

/* Runs a statement to its first row, if there is one, and reads an order from it, which is valid
 * until the next call. */
enum exit_code orders_read(struct sqlite_orders *store, sqlite3_stmt *statement,
                           struct stored_order *order, bool *found);

/* Prepares a statement, unless it is prepared, and reads the number in the first column of its only
 * row; NULL is 0. */
enum exit_code orders_read_number(struct sqlite_orders *store, sqlite3_stmt **statement,
                                  const char *sql, int64_t *number);

/* Finds the order of an id, in the same way as orders_read(). */
enum exit_code orders_find_one(struct sqlite_orders *store, const unsigned char id[UUID_BYTES],
                               struct stored_order *order, bool *found);

/* Returns EXIT_STORE, reported, if the files are not in place: what was read may not be told then.
 * ORDERS_PLACE learns of it at a commit. */
enum exit_code orders_check_answer(struct sqlite_orders *store);

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
enum exit_code orders_fetch(struct orders *orders, const int64_t *keys, size_t count,
                            orders_visit *visit, void *context);

/* The operations of orders_track.c. */
enum exit_code orders_record(struct orders *orders, struct order_outcome *outcomes, size_t count);
enum exit_code orders_listed(struct orders *orders, int64_t *last);
enum exit_code orders_settled(struct orders *orders, int64_t *last);
enum exit_code orders_list(struct orders *orders, const struct order_traits *traits, size_t count);
enum exit_code orders_find_listed(struct orders *orders, const struct orders_question *question,
                                  struct order_keys *keys);

#endif
