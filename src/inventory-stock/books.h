/*
 * books: how stock has moved; and levels that go.
 *
 * The ledger is open. Functions return EXIT_OK, EXIT_STORE or EXIT_OUTPUT.
 */
#ifndef INVENTORY_STOCK_BOOKS_H
#define INVENTORY_STOCK_BOOKS_H

#include "base/report.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stdint.h>

/* Prints a line for each sku in the books, with the movements since since_ms. */
enum exit_code books_print(struct ledger *ledger, int64_t since_ms);

/* Removes the levels of these skus, which end with NULL, and prints each. Sets *some_refused to
 * whether one was not removed, which is reported with the reason. */
enum exit_code books_remove(struct ledger *ledger, char *const skus[], bool *some_refused);

#endif
