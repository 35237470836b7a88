#include "amqp/consumer_settled.h"

#include "base/clock.h"

#define DUE 256         /* settled deliveries, after which the broker is asked for an answer */
#define BURST 16        /* single settlements within BURST_MS, which any queue takes in at once */
#define BURST_MS 50     /* a burst is more than these */
#define TAKEN_IN_MS 250 /* that a queue may take to take a burst in */

void settled_begin(struct settled *settled, unsigned generation)
{
    if (settled->generation == generation)
        return;
    settled->generation = generation;
    settled->count = 0;
    settled->asked = 0;
    settled->seen = 0;
    settled->answers_to_come = 0;
}

void settled_add(struct settled *settled, unsigned generation, size_t count)
{
    settled_begin(settled, generation);
    settled->count += count;
}

void settled_add_single(struct settled *settled, unsigned generation)
{
    int64_t now_ms = clock_monotonic_ms();

    settled_add(settled, generation, 1);
    if (now_ms - settled->singles_since_ms >= BURST_MS) {
        settled->singles_since_ms = now_ms;
        settled->singles = 0;
    }
    if (++settled->singles > BURST)
        settled->burst_ms = now_ms;
}

bool settled_are_due(const struct settled *settled)
{
    return settled->answers_to_come == 0 && settled->count - settled->asked >= DUE;
}

void settled_asked(struct settled *settled, unsigned generation)
{
    settled_begin(settled, generation);
    settled->asked = settled->count;
    settled->answers_to_come++;
}

void settled_answered(struct settled *settled)
{
    if (settled->answers_to_come > 0 && --settled->answers_to_come == 0)
        settled->seen = settled->asked;
}

size_t settled_unseen(const struct settled *settled)
{
    return (size_t)(settled->count - settled->seen);
}

int64_t settled_taken_in_ms(const struct settled *settled)
{
    return settled->burst_ms == 0 ? 0 : settled->burst_ms + TAKEN_IN_MS;
}
