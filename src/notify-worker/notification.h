/*
 * notification: a delivery in hand: its event, what is to be done about it (verdict), and what came
 * of that (outcome).
 */
#ifndef NOTIFY_WORKER_NOTIFICATION_H
#define NOTIFY_WORKER_NOTIFICATION_H

#include "subject.h"

#include "amqp/delivery.h"
#include "order/order.h"
#include "store/notified.h"
#include "trace/span.h"

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

struct notification {
    struct delivery *delivery;
    enum verdict verdict;
    enum outcome outcome;
    char order_id[ORDER_MAX_ID + 1]; /* "" if the event is malformed or of another type */
    char key[NOTIFIED_KEY_SIZE];     /* in the store, if it has an order_id */
    const char *event;               /* on one line, if it has an order_id; not ended by NUL */
    size_t event_len;
    struct span *span;   /* of what is done about it; NULL if there is none */
    char *fault;         /* why there is no order_id; NULL if there is one */
    int attempt;         /* to tell the customer: the number of the last one begun */
    int attempts_if_not; /* recorded if the customer is not told: without the attempt of this turn,
                            unless the caller counts it */
    int64_t taken_ms;    /* when it came, by the monotonic clock */
    int64_t due_ms;   /* when it may be told, by the monotonic clock; the caller may put it off */
    bool is_claimed;  /* for this turn */
    bool was_tried;   /* it was claimed for an earlier turn, and not told */
    bool is_in_doubt; /* the customer may have been told before */
    bool is_waiting_for_others; /* the log says that another run has claimed it */
    bool is_refused;            /* by the broker, as a dead letter */
    int not_taken;         /* how often the broker could not take it for now, as a dead letter */
    bool is_stuck;         /* it was refused, or not taken in all attempts */
    bool is_to_be_claimed; /* private to record.c */
    size_t line_end;       /* private to notifier.c */
    char *copy;            /* private: what event points to, if it came on several lines */
};

/*
 * Reads the event of delivery, which must outlive the notification, as one about subject. The
 * verdict is VERDICT_TELL, VERDICT_OTHER or VERDICT_MALFORMED then, and the outcome OUTCOME_OPEN.
 * Call notification_close() at the end.
 */
void notification_open(struct notification *notification, const struct subject *subject,
                       struct delivery *delivery, int64_t due_ms);

/* Ends its span, before its delivery is settled, which came from queue. */
void notification_end_span(struct notification *notification, const char *queue);

/* Frees what the notification holds. The delivery is left to the consumer. */
void notification_close(struct notification *notification);

/* Returns whether it has an order_id: the event is of the right type and well formed. */
bool notification_is_sound(const struct notification *notification);

/* Returns whether the order was claimed, for this turn or before, and is still to be told. */
bool notification_is_to_be_tried_again(const struct notification *notification);

#endif
