/*
 * orders: the orders in PostgreSQL. For the files of the orders alone.
 *
 *   orders.c         opening, claiming
 *   orders_commit.c  storing, and marking as placed
 *   orders_show.c    reading
 *   orders_track.c   what became of orders, and what they are looked up by
 *   orders_rows.c    rows, and which of the ids asked for they are about
 */
#ifndef POSTGRES_ORDERS_H
#define POSTGRES_ORDERS_H

#include "postgres/array.h"
#include "postgres/libpq.h"
#include "postgres/runs.h"
#include "postgres/session.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const struct session_kind postgres_orders_kind;

/* SQL that reads orders: the columns of order_columns.h. */
#define ORDERS_COLUMNS                                                                   \
    "SELECT o.seq, o.order_id, o.placed_at, o.data, p.seq IS NOT NULL AS pending,"       \
    " x.status, x.reason, x.reserved_at, x.failed_at, x.cancelled_at, x.handed_over_at," \
    " p.trace"                                                                           \
    " FROM order_tools.orders o LEFT JOIN order_tools.pending p USING (seq)"             \
    " LEFT JOIN order_tools.outcomes x USING (seq) "

/* The context of a pending order, or NULL, after those of order_columns.h. */
#define COLUMN_TRACE (COLUMN_RESERVED_AT + ORDER_STATUS_COUNT - ORDER_RESERVED)

/* One id of several, with its place among them. */
struct sought {
    unsigned char id[UUID_BYTES];
    size_t index;
};

/* Sorted by id, and then by index. */
struct sought_list {
    struct sought *all;
    size_t count;
    size_t size;
};

struct postgres_orders {
    struct orders orders; /* first, so that a pointer to it points to all of this */
    struct session *session;
    struct run *run; /* NULL but with ORDERS_PLACE */
    /* Memory that is used again. */
    struct sought_list sought;
    struct array ids;
    struct array times;
    struct array data;
    struct array traced;
    struct array traces;
    struct array keys;
    struct array statuses;
    struct array reasons;
    struct array marked; /* keys of orders, marked as placed since the last synced commit */
    int64_t settled;     /* up to this key no order can appear any more */
    int64_t settling;    /* nor up to this one, once all transactions before settling_at are over */
    int64_t settling_at;
};

/* A statement that reads, and what it gives. */
struct orders_reading {
    const char *sql;
    struct parameter parameters[8];
    size_t count;
    PGresult *result; /* to be freed with PQclear() */
};

/* Reads orders. */
enum exit_code orders_run_reading(struct postgres_orders *store, struct orders_reading *reading);

/* Reads the order in a row. Its data lasts as long as the result. */
void orders_read_row(const PGresult *result, int row, struct stored_order *order);

/* Makes the list of count ids: the first is at ids, the next stride bytes further. */
void sought_list(struct sought_list *list, const unsigned char *ids, size_t stride, size_t count);

/*
 * Notes which rows of a result, whose column has an id, are about which id: sets rows[index] of
 * each index with that id, or with first of the first of them only. The others stay as they are.
 * result may be NULL.
 */
void sought_rows(const struct sought_list *list, const PGresult *result, int column, bool first,
                 int *rows);

/* A session_work: marks as placed what a server that has crashed may have forgotten of that. */
session_work postgres_orders_mark_again;

/* The operation commit(). */
enum exit_code postgres_orders_commit(struct orders *base, const struct orders_commit *commit);

/* The operations of orders_show.c. */
enum exit_code postgres_orders_find(struct orders *base, const unsigned char (*ids)[UUID_BYTES],
                                    size_t count, orders_visit *visit, void *context);
enum exit_code postgres_orders_each_pending(struct orders *base, int64_t after, int64_t last,
                                            orders_visit *visit, void *context);
enum exit_code postgres_orders_each(struct orders *base, const enum order_status *only,
                                    int64_t after, orders_visit *visit, void *context);
enum exit_code postgres_orders_count(struct orders *base, const enum order_status *only,
                                     int64_t *count);
enum exit_code postgres_orders_fetch(struct orders *base, const int64_t *keys, size_t count,
                                     orders_visit *visit, void *context);

/* The operations of orders_track.c. */
enum exit_code postgres_orders_record(struct orders *base, struct order_outcome *outcomes,
                                      size_t count);
enum exit_code postgres_orders_listed(struct orders *base, int64_t *last);
enum exit_code postgres_orders_settled(struct orders *base, int64_t *last);
enum exit_code postgres_orders_list(struct orders *base, const struct order_traits *traits,
                                    size_t count);
enum exit_code postgres_orders_find_listed(struct orders *base,
                                           const struct orders_question *question,
                                           struct order_keys *keys);

#endif
