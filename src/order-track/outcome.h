/*
 * outcome: a delivery in hand, and what its event says became of an order.
 */
#ifndef ORDER_TRACK_OUTCOME_H
#define ORDER_TRACK_OUTCOME_H

#include "amqp/delivery.h"
#include "order/order.h"
#include "store/orders.h"
#include "trace/span.h"

struct outcome {
    struct delivery *delivery;
    enum {
        OUTCOME_TO_RECORD,
        OUTCOME_OF_NOBODY, /* its order_id is none that a store could have */
        OUTCOME_OTHER,     /* an event of another type: ignored */
        OUTCOME_MALFORMED  /* to be moved to the dead letter queue */
    } kind;
    char order_id[ORDER_MAX_ID + 1];
    struct order_outcome record;
    struct span *span;        /* of what is done about it, or NULL */
    struct order_fault fault; /* why it is OTHER or MALFORMED */
    char *reason;             /* private: that of record */
};

/* Reads the event of delivery, which must outlive the outcome. An event without a time has that of
 * now_ms. Call outcome_close() at the end. */
void outcome_open(struct outcome *outcome, struct delivery *delivery, int64_t now_ms);

/* Frees what the outcome holds, but not the delivery. */
void outcome_close(struct outcome *outcome);

/* Returns what is recorded as a line of JSON; free it with free(). */
char *outcome_print(const struct outcome *outcome);

#endif
