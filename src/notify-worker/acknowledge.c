#include "acknowledge.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

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
        consumer_ack(consumer, notification->delivery);
        hand_drop(hand, notification);
    }
}

void acknowledge_turn(struct hand *hand, struct consumer *consumer)
{
    if (hand->turn.count > 1 && is_whole(hand))
        acknowledge_together(hand, consumer);
    else
        acknowledge_each(hand, consumer);
    hand->turn.count = 0;
}
