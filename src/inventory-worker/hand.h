/*
 * hand: the deliveries that a worker has in hand, and the events that it publishes without one, in
 * the order in which they came.
 */
#ifndef INVENTORY_WORKER_HAND_H
#define INVENTORY_WORKER_HAND_H

#include "outbox.h"
#include "reservation.h"

#include "amqp/consumer.h"
#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One delivery, or an event without one, and what to do about it. */
struct task {
    struct delivery *delivery; /* NULL for an event without one */
    enum { TASK_REJECT, TASK_IGNORE, TASK_ANNOUNCE } kind;
    struct order_fault fault;         /* if TASK_REJECT */
    bool is_other_type;               /* if TASK_REJECT: an event of another type */
    enum failure failure;             /* if its announcement is that it has failed, or it was
                                         cancelled before it came */
    const char *note;                 /* what else to log of the order, or NULL */
    struct announcement announcement; /* all of it if TASK_ANNOUNCE; order_id if TASK_IGNORE;
                                         span of any delivery */
    int64_t published_us;             /* monotonic clock; 0 without --metrics */
    bool done;    /* nothing is to be announced, or the result of publishing is known */
    bool refused; /* by the broker: the event stays owed */
};

/* A ring. */
struct hand {
    struct task *tasks; /* each stays in its place while it is in hand */
    size_t capacity;
    size_t first; /* the oldest */
    size_t count;
};

/* Makes room for capacity tasks. */
void hand_open(struct hand *hand, size_t capacity);

/* Frees all. */
void hand_close(struct hand *hand);

/* Returns the task at index, the oldest being 0. */
struct task *hand_at(const struct hand *hand, size_t index);

/* Adds a task as the last, and returns it. There must be room. delivery may be NULL. */
struct task *hand_add(struct hand *hand, struct delivery *delivery);

/* Drops the count oldest tasks, or the last ones, with their events. */
void hand_drop_first(struct hand *hand, size_t count);
void hand_drop_last(struct hand *hand, size_t count);

/* Makes the last count tasks as hand_add() has made them, within the same spans. */
void hand_begin_again(struct hand *hand, size_t count);

#endif
