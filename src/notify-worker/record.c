#include "record.h"

#include "amqp/broker_options.h"
#include "base/clock.h"
#include "base/memory.h"
#include "engine/open.h"

#include <stdlib.h>

enum exit_code recorder_open(struct recorder *recorder, int max_attempts, size_t together)
{
    struct store_patience patience = {.attempts = broker_options.retries,
                                      .delay_s = broker_options.retry_delay};

    *recorder = (struct recorder){.released = xcalloc(together, sizeof *recorder->released),
                                  .claims = xcalloc(together, sizeof *recorder->claims)};
    return engine_open_notified(NULL, max_attempts, &patience, &recorder->notified);
}

void recorder_close(struct recorder *recorder)
{
    free(recorder->released);
    free(recorder->claims);
    if (recorder->notified != NULL)
        recorder->notified->operations->close(recorder->notified);
}

/* Lists the orders of the turn that were claimed and not told. Returns how many. */
static size_t list_released(struct recorder *recorder, const struct notification_list *turn)
{
    size_t count = 0;

    for (size_t i = 0; i < turn->count; i++) {
        const struct notification *notification = turn->items[i];

        if (notification->is_claimed && notification->outcome != OUTCOME_DONE)
            recorder->released[count++] = (struct notified_release){
                .key = notification->key,
                .attempts =
                    notification->outcome == OUTCOME_DEAD ? 0 : notification->attempts_if_not};
    }
    return count;
}

/* Lists the orders of the next turn that are to be claimed. Returns how many. A copy of an order
 * that is to be tried again is a repeat. */
static size_t list_claims(struct recorder *recorder, struct hand *hand)
{
    bool some_tried = hand_tries_again(hand, NULL);
    size_t count = 0;

    for (size_t i = 0; i < hand->next.count; i++) {
        struct notification *notification = hand->next.items[i];

        notification->is_to_be_claimed = false;
        if (!notification_is_sound(notification))
            continue;
        if (some_tried && !notification->was_tried &&
            hand_tries_again(hand, notification->order_id)) {
            notification->verdict = VERDICT_REPEAT;
            continue;
        }
        notification->is_to_be_claimed = true;
        recorder->claims[count++].key = notification->key;
    }
    return count;
}

static void take_claim(struct notification *notification, const struct notified_claim *claim)
{
    switch (claim->standing) {
    case STANDING_CLAIMED:
    case STANDING_IN_DOUBT:
        notification->verdict = VERDICT_TELL;
        notification->is_in_doubt = claim->standing == STANDING_IN_DOUBT;
        notification->attempts_if_not = claim->attempt - 1;
        notification->is_claimed = true;
        break;
    case STANDING_SPENT:
        notification->verdict = VERDICT_SPENT;
        notification->attempts_if_not = claim->attempt;
        notification->is_claimed = true;
        break;
    case STANDING_OTHERS:
        notification->verdict = VERDICT_WAIT;
        break;
    case STANDING_OURS:
    case STANDING_TOLD:
        notification->verdict = VERDICT_REPEAT;
        break;
    }
    notification->attempt = claim->attempt;
}

enum exit_code recorder_advance(struct recorder *recorder, struct hand *hand)
{
    size_t claim_count = list_claims(recorder, hand);
    const struct notified_claim *claim = recorder->claims;
    enum exit_code code = recorder->notified->operations->advance(
        recorder->notified, recorder->released, list_released(recorder, &hand->turn),
        recorder->claims, claim_count, clock_utc_ms());

    for (size_t i = 0; i < hand->next.count && code == EXIT_OK; i++)
        if (hand->next.items[i]->is_to_be_claimed)
            take_claim(hand->next.items[i], claim++);
    return code;
}
