/*
 * story: all that is known of an order, wherever it is: in the store, in the ledger, among the
 * notified customers, and in an audit file of dlq-replay.
 *
 *   {"order_id": "...", "order": {...},
 *    "inventory": {"outcome": "RELEASED", "decided_at": "...", "ended_at": "..."},
 *    "notified": {"reserved": {"status": "TOLD", "attempts": 1, "at": "..."}},
 *    "dead_letters": [{...}]}
 *
 * "order" is as order-show prints it. null stands for what is not known there, "not at hand" for
 * what cannot be read.
 */
#ifndef ORDER_SHOW_STORY_H
#define ORDER_SHOW_STORY_H

#include "base/report.h"
#include "store/orders.h"

/* Opens the ledger and the notified customers, as far as they are at hand: why not is reported.
 * audit is the name of a file, or NULL; it must outlive the stories. */
void story_open(const char *audit);

/* Frees all. Harmless without story_open(). */
void story_close(void);

/* Prints the story of an order, by its id of any kind. Returns EXIT_OK; EXIT_NO if nobody knows the
 * order; EXIT_STORE, EXIT_INPUT for the audit file, or EXIT_OUTPUT, reported. */
enum exit_code story_print(struct orders *orders, const char *order_id);

#endif
