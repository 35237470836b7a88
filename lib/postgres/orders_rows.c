/* orders_rows: rows, and which of the ids asked for they are about. */
#include "base/memory.h"
#include "postgres/orders.h"
#include "store/order_columns.h"

#include <stdlib.h>
#include <string.h>

void orders_read_row(const PGresult *result, int row, struct stored_order *order)
{
    memset(order, 0, sizeof *order);
    order->key = result_int(result, row, COLUMN_KEY);
    if (libpq.PQgetlength(result, row, COLUMN_ID) == UUID_BYTES)
        memcpy(order->id, libpq.PQgetvalue(result, row, COLUMN_ID), UUID_BYTES);
    order->placed_at = result_time(result, row, COLUMN_PLACED_AT);
    order->data = libpq.PQgetvalue(result, row, COLUMN_DATA);
    order->data_len = (size_t)libpq.PQgetlength(result, row, COLUMN_DATA);
    if (!order_status_read(libpq.PQgetvalue(result, row, COLUMN_STATUS), &order->status))
        order->status = result_bool(result, row, COLUMN_IS_PENDING) ? ORDER_PENDING : ORDER_PLACED;
    if (libpq.PQgetlength(result, row, COLUMN_REASON) > 0)
        order->reason = libpq.PQgetvalue(result, row, COLUMN_REASON);
    for (int i = ORDER_RESERVED; i < ORDER_STATUS_COUNT; i++) {
        int column = COLUMN_RESERVED_AT + i - ORDER_RESERVED;

        if (libpq.PQgetlength(result, row, column) > 0)
            order->reached_at[i] = result_time(result, row, column);
    }
    if (libpq.PQgetlength(result, row, COLUMN_TRACE) > 0)
        order->trace = libpq.PQgetvalue(result, row, COLUMN_TRACE);
}

static int compare(const void *left, const void *right)
{
    const struct sought *a = left;
    const struct sought *b = right;
    int sign = memcmp(a->id, b->id, UUID_BYTES);

    return sign != 0 ? sign : (a->index > b->index) - (a->index < b->index);
}

void sought_list(struct sought_list *list, const unsigned char *ids, size_t stride, size_t count)
{
    if (list->size < count) {
        list->size = count;
        list->all = xrealloc(list->all, count * sizeof *list->all);
    }
    list->count = count;
    for (size_t i = 0; i < count; i++) {
        memcpy(list->all[i].id, ids + i * stride, UUID_BYTES);
        list->all[i].index = i;
    }
    if (count > 0)
        qsort(list->all, count, sizeof *list->all, compare);
}

/* Returns the place in the list of the first with that id or a greater one. */
static size_t find_first(const struct sought_list *list, const void *id)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(list->all[middle].id, id, UUID_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void note_row(const struct sought_list *list, const void *id, bool first, int row, int *rows)
{
    for (size_t i = find_first(list, id);
         i < list->count && memcmp(list->all[i].id, id, UUID_BYTES) == 0; i++) {
        rows[list->all[i].index] = row;
        if (first)
            return;
    }
}

void sought_rows(const struct sought_list *list, const PGresult *result, int column, bool first,
                 int *rows)
{
    int count = result == NULL ? 0 : libpq.PQntuples(result);

    for (int row = 0; row < count; row++)
        if (libpq.PQgetlength(result, row, column) == UUID_BYTES)
            note_row(list, libpq.PQgetvalue(result, row, column), first, row, rows);
}
