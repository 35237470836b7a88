/*
 * orders: the orders in PostgreSQL. For the files of the orders alone.
 *
 *   orders.c         opening, claiming, reading
 *   orders_commit.c  storing, and marking as placed
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

extern const struct session_kind postgres_orders_kind;

/* SQL that reads orders: the columns of orders_read_row(). */
#define ORDERS_COLUMNS                                                            \
    "SELECT o.seq, o.order_id, o.placed_at, o.data, p.seq IS NOT NULL AS pending" \
    " FROM order_tools.orders o LEFT JOIN order_tools.pending p USING (seq) "

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
    struct run *run; /* NULL with ORDERS_LOOK */
    /* Memory that is used again. */
    struct sought_list sought;
    struct array ids;
    struct array times;
    struct array data;
    struct array keys;
    struct array marked; /* keys of orders, marked as placed since the last synced commit */
};

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

#endif
