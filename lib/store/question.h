/*
 * question: asks a store of orders, and lists its orders for those who ask.
 *
 * Orders that are listed are found at once, however many there are. Of the others each is looked
 * at.
 */
#ifndef STORE_QUESTION_H
#define STORE_QUESTION_H

#include "base/report.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>

#define QUESTION_TEXT_SIZE 257

/* Reads user_id and restaurant_id out of the data of an order; each is "" if it has none. */
typedef void question_read(const char *data, size_t len, char user_id[QUESTION_TEXT_SIZE],
                           char restaurant_id[QUESTION_TEXT_SIZE]);

/* Returns whether all orders answer it. */
bool question_is_empty(const struct orders_question *question);

/* Visits all orders that answer the question, in the order of keys. Returns EXIT_OK or EXIT_STORE,
 * reported. */
enum exit_code question_ask(struct orders *orders, const struct orders_question *question,
                            question_read *read, orders_visit *visit, void *context);

/* Counts them. */
enum exit_code question_count(struct orders *orders, const struct orders_question *question,
                              question_read *read, int64_t *count);

/* Lists the next orders that are not listed, at most QUESTION_BATCH, with ORDERS_TRACK. Sets *more
 * to whether there may be others. Returns EXIT_OK or EXIT_STORE, reported. */
enum exit_code question_list(struct orders *orders, question_read *read, bool *more);

#define QUESTION_BATCH 256

#endif
