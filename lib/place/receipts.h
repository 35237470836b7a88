/*
 * receipts: one for each order, told in the order in which the orders came.
 *
 * A receipt is added when its order is stored. Its state changes as the broker answers. It is told
 * and dropped once its state is final and all receipts before it were told.
 */
#ifndef PLACE_RECEIPTS_H
#define PLACE_RECEIPTS_H

#include "base/uuid.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum receipt_state {
    RECEIPT_AWAITED,   /* the order is on its way to the broker */
    RECEIPT_REPEATED,  /* another receipt of an order: gets the final state of the first one */
    RECEIPT_CONFIRMED, /* by the broker; the store does not know yet */
    RECEIPT_PLACED,    /* final */
    RECEIPT_PENDING    /* final: the order is left to a later run */
};

struct receipt {
    int64_t key; /* of the order in the store */
    unsigned char id[UUID_BYTES];
    enum receipt_state state;
    bool silent;       /* not to be told */
    bool repeated;     /* the store knew the order before it came */
    uint64_t number;   /* of the order in the input, for whom it is told; 0 for none */
    int64_t since_ms;  /* monotonic clock; or 0, if nobody asks */
    int64_t stored_us; /* monotonic clock: when its order was about to be stored; or 0 */
};

/* Called for a receipt that is due: its state is RECEIPT_PLACED or RECEIPT_PENDING. */
typedef void receipt_tell(void *context, const struct receipt *receipt);

struct receipts;

/* Returns an empty list, to be freed with receipts_free(). */
struct receipts *receipts_new(void);

/* NULL is harmless. */
void receipts_free(struct receipts *receipts);

/* Appends a copy of receipt. Returns its number; the first one is 0. */
uint64_t receipts_add(struct receipts *receipts, const struct receipt *receipt);

/* Returns how many were ever added: the number of the next one. */
uint64_t receipts_end(const struct receipts *receipts);

/* Drops the receipts from number end on that are not told, as if they had never been added. */
void receipts_cut(struct receipts *receipts, uint64_t end);

/* Makes the receipts from number from on silent. */
void receipts_silence(struct receipts *receipts, uint64_t from);

/* Returns how many are not told yet. */
size_t receipts_waiting(const struct receipts *receipts);

/* Returns the receipt of that number, which must not be told yet. Valid until receipts_add(). */
struct receipt *receipts_at(struct receipts *receipts, uint64_t number);

/* Returns the oldest that is not told; NULL if there is none. Valid until receipts_add(). */
struct receipt *receipts_oldest(struct receipts *receipts);

/* Returns the first receipt of the order with that key, NULL if there is none. Valid until
 * receipts_add(). */
struct receipt *receipts_of_key(struct receipts *receipts, int64_t key);

/* Returns the first receipt in that state whose number is at least *from, and sets *from to the
 * number after it; NULL if there is none. Valid until receipts_add(). */
struct receipt *receipts_next(struct receipts *receipts, enum receipt_state state, uint64_t *from);

/* Sets the state of all receipts that are in the state from to the state to. */
void receipts_change(struct receipts *receipts, enum receipt_state from, enum receipt_state to);

/* Tells the receipts that are due, but not the silent ones, and drops them. */
void receipts_tell(struct receipts *receipts, receipt_tell *tell, void *context);

/* Returns how many were told. */
uint64_t receipts_told(const struct receipts *receipts);

/* Returns whether a receipt, told or silent, ended as RECEIPT_PENDING. */
bool receipts_some_pending(const struct receipts *receipts);

/* Returns the status of the order whose receipt is due. */
enum order_status receipt_status(const struct receipt *receipt);

#define RECEIPT_LINE_SIZE 100

/*
 * Writes the receipt of an order as JSON, {"order_id": "...", "status": "..."}, without a newline;
 * with is_repeated, "repeated": true is its third member. Returns its length.
 */
size_t receipt_print(char line[RECEIPT_LINE_SIZE], const unsigned char *id,
                     enum order_status status, bool is_repeated);

#endif
