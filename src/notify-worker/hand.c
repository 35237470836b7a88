#include "hand.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct notification_list new_list(size_t capacity)
{
    struct notification_list list = {.count = 0};

    list.items = xcalloc(capacity, sizeof(*list.items));
    return list;
}

static void add(struct notification_list *list, struct notification *notification)
{
    list->items[list->count++] = notification;
}

static void close_list(const struct notification_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        notification_close(list->items[i]);
    free(list->items);
}

void hand_open(struct hand *hand, const struct subject *subject, size_t capacity, size_t together)
{
    *hand = (struct hand){.waiting = new_list(capacity),
                          .turn = new_list(together),
                          .next = new_list(together),
                          .spare = new_list(capacity),
                          .storage = xcalloc(capacity, sizeof *hand->storage),
                          .subject = subject,
                          .together = together};
    while (capacity > 0)
        add(&hand->spare, &hand->storage[--capacity]);
}

void hand_close(struct hand *hand)
{
    close_list(&hand->waiting);
    close_list(&hand->turn);
    close_list(&hand->next);
    free(hand->spare.items);
    free(hand->storage);
}

size_t hand_count(const struct hand *hand)
{
    return hand->waiting.count + hand->turn.count;
}

static size_t count_stuck(const struct notification_list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        count += list->items[i]->is_stuck;
    return count;
}

size_t hand_stuck(const struct hand *hand)
{
    return hand->some_unmoved ? count_stuck(&hand->waiting) + count_stuck(&hand->turn) : 0;
}

/* code is that of the lists before. */
static enum exit_code verdict_with(enum exit_code code, const struct notification_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->is_refused)
            return EXIT_REFUSED;
        if (list->items[i]->not_taken > 0)
            code = first_failure(code, EXIT_UNREACHABLE);
    }
    return code;
}

enum exit_code hand_verdict(const struct hand *hand)
{
    return hand->some_unmoved ? verdict_with(verdict_with(EXIT_OK, &hand->waiting), &hand->turn)
                              : EXIT_OK;
}

static bool tries_again(const struct notification_list *list, const char *order_id)
{
    for (size_t i = 0; i < list->count; i++)
        if (notification_is_to_be_tried_again(list->items[i]) &&
            (order_id == NULL || strcmp(list->items[i]->order_id, order_id) == 0))
            return true;
    return false;
}

bool hand_tries_again(const struct hand *hand, const char *order_id)
{
    return tries_again(&hand->turn, order_id) || tries_again(&hand->waiting, order_id);
}

int hand_wait_ms(const struct hand *hand)
{
    int64_t first = INT64_MAX;
    int64_t left;

    if (hand->waiting.count == 0)
        return -1;
    for (size_t i = 0; i < hand->waiting.count; i++)
        if (hand->waiting.items[i]->due_ms < first)
            first = hand->waiting.items[i]->due_ms;
    left = first - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

void hand_take(struct hand *hand, struct delivery *delivery, int64_t due_ms)
{
    struct notification *notification = hand->spare.items[--hand->spare.count];

    notification_open(notification, hand->subject, delivery, due_ms);
    add(&hand->waiting, notification);
}

void hand_drop(struct hand *hand, struct notification *notification)
{
    notification_close(notification);
    add(&hand->spare, notification);
}

void hand_drop_stale(struct hand *hand, struct consumer *consumer)
{
    size_t kept = 0;

    for (size_t i = 0; i < hand->waiting.count; i++) {
        struct notification *notification = hand->waiting.items[i];

        if (consumer_is_current(consumer, notification->delivery)) {
            hand->waiting.items[kept++] = notification;
            continue;
        }
        consumer_let_go(consumer, notification->delivery);
        hand_drop(hand, notification);
    }
    hand->waiting.count = kept;
}

void hand_pick(struct hand *hand)
{
    int64_t now = clock_monotonic_ms();
    size_t kept = 0;

    hand->next.count = 0;
    for (size_t i = 0; i < hand->waiting.count; i++) {
        struct notification *notification = hand->waiting.items[i];

        if (hand->next.count < hand->together && notification->due_ms <= now)
            add(&hand->next, notification);
        else
            hand->waiting.items[kept++] = notification;
    }
    hand->waiting.count = kept;
}

void hand_put_back(struct hand *hand, struct notification *notification)
{
    notification->outcome = OUTCOME_OPEN;
    notification->was_tried = notification->was_tried || notification->is_claimed;
    notification->is_claimed = false;
    add(&hand->waiting, notification);
}

/* ---- acknowledging ---- */

static bool some_before(const struct notification_list *list, uint64_t tag)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->delivery->tag < tag)
            return true;
    return false;
}

/* Returns whether one acknowledgement can cover the turn: nothing else in hand came before its
 * last delivery. */
static bool is_whole(const struct hand *hand)
{
    const struct notification_list *turn = &hand->turn;
    const struct delivery *last = turn->items[turn->count - 1]->delivery;
    uint64_t before = 0;

    for (size_t i = 0; i < turn->count; i++) {
        const struct notification *notification = turn->items[i];

        if (notification->outcome == OUTCOME_OPEN || notification->delivery->tag <= before ||
            notification->delivery->generation != last->generation)
            return false;
        before = notification->delivery->tag;
    }
    return !some_before(&hand->waiting, last->tag) && !some_before(&hand->next, last->tag);
}

static void acknowledge_together(struct hand *hand, struct consumer *consumer)
{
    const struct notification_list *turn = &hand->turn;
    struct delivery **deliveries = xcalloc(turn->count, sizeof(*deliveries));

    for (size_t i = 0; i < turn->count; i++) {
        deliveries[i] = turn->items[i]->delivery;
        notification_end_span(turn->items[i], hand->subject->queue);
        hand_drop(hand, turn->items[i]);
    }
    consumer_ack_batch(consumer, deliveries, turn->count);
    free(deliveries);
}

static void acknowledge_each(struct hand *hand, struct consumer *consumer)
{
    for (size_t i = 0; i < hand->turn.count; i++) {
        struct notification *notification = hand->turn.items[i];

        if (notification->outcome == OUTCOME_OPEN) {
            hand_put_back(hand, notification);
            continue;
        }
        notification_end_span(notification, hand->subject->queue);
        consumer_ack(consumer, notification->delivery);
        hand_drop(hand, notification);
    }
}

void hand_acknowledge(struct hand *hand, struct consumer *consumer)
{
    if (hand->turn.count > 1 && is_whole(hand))
        acknowledge_together(hand, consumer);
    else
        acknowledge_each(hand, consumer);
    hand->turn.count = 0;
}
