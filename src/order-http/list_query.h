/*
 * list_query: which orders a list has, from the parameters ?after=ORDER_ID&limit=N&status=STATUS.
 */
#ifndef ORDER_HTTP_LIST_QUERY_H
#define ORDER_HTTP_LIST_QUERY_H

#include "base/uuid.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>

#define LIST_QUERY_MAX 1000 /* orders of a page */

/* Zeroed, it has all orders. */
struct list_query {
    bool has_after;
    unsigned char after[UUID_BYTES]; /* only orders stored after this one */
    size_t limit;                    /* at most so many, 1 to LIST_QUERY_MAX; 0: all */
    bool has_status;
    enum order_status status; /* only orders of this status */
};

/*
 * Takes one parameter. Returns NULL; or, if it is unknown, wrong or there twice, the reason: a
 * constant that follows the name of the parameter, such as "is not an order id".
 */
const char *list_query_take(struct list_query *query, const char *name, const char *value);

#define LIST_QUERY_LINK_SIZE 160

/* Writes the header Link of the page that follows this one, which ends with the order last. */
void list_query_next(const struct list_query *query, const unsigned char last[UUID_BYTES],
                     char link[LIST_QUERY_LINK_SIZE]);

#endif
