/*
 * hand: the notifications in hand: those that wait for a turn, those of the turn, and those of the
 * next one while they are being claimed.
 */
#ifndef NOTIFY_WORKER_HAND_H
#define NOTIFY_WORKER_HAND_H

#include "notification.h"

#include "amqp/consumer.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

struct notification_list {
    struct notification **items;
    size_t count;
};

struct hand {
    struct notification_list waiting; /* in the order of arrival or of being put back */
    struct notification_list turn;    /* claimed, or not to be told */
    struct notification_list next;    /* picked for the next turn, and not claimed yet */
    struct notification_list spare;   /* in none of these: room for so many more */
    struct notification *storage;     /* private */
    const struct subject *subject;    /* of all of them */
    size_t together;                  /* notifications in a turn, at most */
    bool some_unmoved;                /* set by the caller once the broker has not taken a dead
                                         letter; hand_stuck() and hand_verdict() are 0 before */
};

/* Makes room for capacity notifications about subject, together of them in a turn. */
void hand_open(struct hand *hand, const struct subject *subject, size_t capacity, size_t together);

/* Frees all. The deliveries are left to the consumer. */
void hand_close(struct hand *hand);

/* Returns how many wait for a turn or are in one. */
size_t hand_count(const struct hand *hand);

/* Returns how many of those cannot be moved to the dead letter queue: is_stuck. */
size_t hand_stuck(const struct hand *hand);

/* Returns EXIT_REFUSED if the broker has refused a dead letter in hand; otherwise EXIT_UNREACHABLE
 * if it could not take one for now; otherwise EXIT_OK. */
enum exit_code hand_verdict(const struct hand *hand);

/* Returns whether a notification of the order, or of any if order_id is NULL, is to be tried
 * again. */
bool hand_tries_again(const struct hand *hand, const char *order_id);

/* Returns the milliseconds until the first that waits is due; 0 if one is due, -1 if none waits. */
int hand_wait_ms(const struct hand *hand);

/* Takes a delivery in hand: it waits for a turn, due at due_ms by the monotonic clock. There must
 * be room. */
void hand_take(struct hand *hand, struct delivery *delivery, int64_t due_ms);

/* Drops a notification. The caller settles its delivery, and takes it out of its list. */
void hand_drop(struct hand *hand, struct notification *notification);

/* Drops those that wait and whose connection is lost: they are delivered again. */
void hand_drop_stale(struct hand *hand, struct consumer *consumer);

/* Moves those that are due from waiting to next, as many as fit into a turn. */
void hand_pick(struct hand *hand);

/* Adds a notification of a turn to those that wait, as one that was tried if it was claimed. The
 * caller takes it out of its turn. */
void hand_put_back(struct hand *hand, struct notification *notification);

/*
 * Acknowledges the deliveries of a recorded turn (N4 of notifier.h) that are OUTCOME_DONE or
 * OUTCOME_DEAD, with one basic.ack if that covers nothing else in hand, otherwise with one for
 * each. Puts the others back: the turn is empty then.
 */
void hand_acknowledge(struct hand *hand, struct consumer *consumer);

#endif
