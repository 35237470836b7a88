/*
 * receipts: what came of each order, told on standard output in the order in which the orders came.
 *
 * A receipt is added when its order is stored, changes its state as more is known, and is printed
 * and forgotten once its state is final and all before it were printed.
 */
#ifndef ORDER_PLACE_RECEIPTS_H
#define ORDER_PLACE_RECEIPTS_H

#include "base/report.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum receipt_state {
    RECEIPT_AWAITED,   /* on its way */
    RECEIPT_REPEATED,  /* of an order that has an earlier receipt: takes on the state of that one */
    RECEIPT_CONFIRMED, /* to be marked in the store */
    RECEIPT_PLACED,    /* final, like the next */
    RECEIPT_PENDING    /* given up for this time */
};

struct receipt {
    int64_t key; /* of the order in the store */
    unsigned char id[UUID_BYTES];
    enum receipt_state state;
    bool silent; /* nobody waits for it on our output */
};

struct receipts;

struct receipts *receipts_new(void);
void receipts_free(struct receipts *receipts);

/* Adds a copy, as the last. Returns its number: they count from 0. */
uint64_t receipts_add(struct receipts *receipts, const struct receipt *receipt);

/* How many were ever added: the number of the next. */
uint64_t receipts_end(const struct receipts *receipts);

/* Forgets those from the number end on, as if they had never been added. */
void receipts_cut(struct receipts *receipts, uint64_t end);

/* How many are there, not printed yet. */
size_t receipts_waiting(const struct receipts *receipts);

/* Those below are valid until the next call of receipts_add(). The receipt of that number, which
 * must be there: */
struct receipt *receipts_at(struct receipts *receipts, uint64_t number);

/* the first of that order, NULL if there is none; */
struct receipt *receipts_of_key(struct receipts *receipts, int64_t key);

/* the first of that state from number *from on, with *from set behind it; NULL if there is none. */
struct receipt *receipts_next(struct receipts *receipts, enum receipt_state state, uint64_t *from);

/* Gives all that are in one state another. */
void receipts_change(struct receipts *receipts, enum receipt_state from, enum receipt_state to);

/* Prints what can be printed. EXIT_OUTPUT, reported once, if that failed; they are forgotten all
 * the same. */
enum exit_code receipts_print(struct receipts *receipts);

/* How many were printed; and was one of the final ones, printed or silent, RECEIPT_PENDING? */
uint64_t receipts_told(const struct receipts *receipts);
bool receipts_some_pending(const struct receipts *receipts);

#endif
