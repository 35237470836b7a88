/*
 * notification: a delivery in hand: its event, what is to be done about it, and what came of that.
 */
#ifndef NOTIFY_WORKER_NOTIFICATION_H
#define NOTIFY_WORKER_NOTIFICATION_H

#include "amqp/delivery.h"
#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
    VERDICT_TELL,
    VERDICT_REPEAT,    /* the customer was told, or a copy in hand is to be told */
    VERDICT_OTHER,     /* an event of another type: ignored */
    VERDICT_MALFORMED, /* to be moved to the dead letter queue */
    VERDICT_SPENT,     /* to be moved there too: max_attempts were begun */
    VERDICT_WAIT       /* another run has claimed it */
};

enum outcome {
    OUTCOME_OPEN, /* not told: it stays in hand, or in the queue */
    OUTCOME_DONE, /* told, if it was to be told: to be acknowledged */
    OUTCOME_DEAD  /* not told, but in the dead letter queue: to be acknowledged */
};

/* A delivery in hand. */
struct notification {
    struct delivery *delivery;
    enum verdict verdict;
    enum outcome outcome;
    char order_id[ORDER_MAX_ID + 1]; /* "" if it has none */
    const char *event;               /* on one line, if it has an order_id; not ended by NUL */
    size_t event_len;
    int attempt;         /* with the one of this turn */
    int attempts_if_not; /* recorded if the order is not told: without this one, unless the caller
                            counts it */
    int64_t due_ms;  /* by the monotonic clock: when it may be told; the caller may put it off */
    size_t line_end; /* private, like all below */
    char *copy;
    char *fault;
    bool is_to_be_claimed;
    bool is_claimed;
    bool is_in_doubt; /* may have been told before */
    bool was_tried;
    bool is_waiting_for_others;
    bool is_refused; /* by the broker, as a dead letter */
};

/*
 * Reads the event of delivery, which must outlive the notification. The verdict is VERDICT_TELL,
 * VERDICT_OTHER or VERDICT_MALFORMED, the last two with fault. Free it with notification_free().
 */
struct notification *notification_new(struct delivery *delivery, int64_t due_ms);

/* Frees a notification, but not its delivery. */
void notification_free(struct notification *notification);

/* Returns whether the event could be read, so that it names an order. */
bool notification_is_sound(const struct notification *notification);

/* Returns whether it was claimed, in this turn or before, and is neither told nor dead. */
bool notification_is_to_be_tried_again(const struct notification *notification);

#endif
