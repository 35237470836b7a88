/*
 * order_columns: the columns by which both engines read a stored order, in the order in which the
 * ORDERS_COLUMNS of each select them. For lib/sqlite and lib/postgres alone.
 */
#ifndef STORE_ORDER_COLUMNS_H
#define STORE_ORDER_COLUMNS_H

enum order_column {
    COLUMN_KEY,
    COLUMN_ID,
    COLUMN_PLACED_AT,
    COLUMN_DATA,
    COLUMN_IS_PENDING,
    COLUMN_STATUS, /* of the outcome; NULL if there is none, as the next ones */
    COLUMN_REASON,
    COLUMN_RESERVED_AT /* followed by those of the later statuses, in their order */
};

#endif
